/**
 * The tab in the sidebar. It asks the server once a second while it can be seen, and not at all otherwise: a look whether it
 * can be seen asks nothing.
 */
import { TICK_MS, type Tick } from '../../../src/watch/history'
import { STAGES, type NodeOverview, type Overview, type Stage } from '../../../src/watch/overview'
import { Chart } from './chart'
import { flowOf, nameOf } from './node-names'
import { chartData, Rates } from './rates'
import { Row } from './row'
import { Totals } from './totals'
import { words } from './words'

const EVERY_MS = 1_000
/** Of the chart. */
const KEPT_MS = 600_000 + 2 * TICK_MS
/** In the order in which records meet them. */
const TYPES = [
  'tenant-mqtt-source',
  'tenant-topic',
  'tenant-kafka-producer',
  'tenant-kafka-consumer',
  'tenant-validate',
  'tenant-batch',
  'tenant-postgres-sink',
  'tenant-rollup',
  'tenant-postgres-apply',
  'tenant-dead-letter',
  'tenant-dead-letter-source',
]

export interface Sidebar {
  readonly content: JQuery
  /** It may have come into sight. */
  readonly look: () => void
}

export function showSidebar(): Sidebar {
  const content = $('<div class="tenant-pipeline-sidebar">')
  const filter = $<HTMLInputElement>('<input type="text">').attr('placeholder', words('sidebar.filter'))
  const totals = new Totals()
  const place = $('<div class="tenant-pipeline-chart">')
  const news = $('<div class="tenant-pipeline-news">')
  const list = $('<ul class="tenant-pipeline-nodes">')
  const chart = new Chart(place[0] as HTMLElement)
  const rates = new Rates()
  const rows = new Map<string, Row>()
  let ticks: Tick[] = []
  let answer: Overview | undefined
  let isAsking = false
  let askedAtMs = -Infinity

  content.append(
    $('<div class="red-ui-sidebar-header">').append($('<div class="tenant-pipeline-filter">').append(filter)),
    totals.element,
    place,
    news,
    list,
  )
  filter.searchBox({ style: 'compact', delay: 100, change: () => show() })

  const show = (): void => {
    if (answer === undefined) return
    const wanted = String(filter.val()).trim().toLowerCase()
    const { nodes } = answer
    for (const node of nodes) {
      const row = rows.get(node.id) ?? new Row(node)
      rows.set(node.id, row)
      row.show(node, rates.of(node.id))
    }
    for (const [id, row] of rows) if (!nodes.some((node) => node.id === id)) drop(id, row)
    const shown = inOrder(nodes.filter((node) => rows.get(node.id)?.matches(wanted)))
    arrange(shown)
    showFlows(shown)
    totals.show(shown, ({ id }) => rates.of(id))
    const lines = (Object.keys(STAGES) as Stage[]).map(
      (stage) => new Set(shown.filter((node) => node.stage === stage).map(({ id }) => id)),
    )
    const newest = ticks.at(-1)
    if (newest !== undefined) chart.show(chartData(ticks, lines, TICK_MS), newest.atMs)
    if (nodes.length === 0) news.text(words('sidebar.none'))
    else if (shown.length === 0) news.text(words('sidebar.noneFound'))
    else news.empty()
  }

  const drop = (id: string, row: Row): void => {
    row.element.remove()
    rows.delete(id)
  }

  /** Rows that are in their places already stay untouched: what has the focus keeps it. */
  const arrange = (shown: readonly NodeOverview[]): void => {
    const wanted = shown.map(({ id }) => (rows.get(id) as Row).element[0] as HTMLElement)
    for (const element of list.children().get()) if (!wanted.includes(element)) element.remove()
    for (const [at, element] of wanted.entries()) {
      const there = list[0]?.children[at]
      if (there !== element) list[0]?.insertBefore(element, there ?? null)
    }
  }

  /** Where there are several: above the first row of each. */
  const showFlows = (shown: readonly NodeOverview[]): void => {
    const flows = shown.map(flowOf)
    const isOne = new Set(flows).size < 2
    for (const [at, node] of shown.entries())
      rows.get(node.id)?.showFlow(isOne || flows[at] === flows[at - 1] ? '' : (flows[at] as string))
  }

  const take = (given: Overview): void => {
    answer = given
    const passed = given.nodes.flatMap(({ id, passed }) =>
      passed === undefined ? [] : [[id, passed] as const],
    )
    rates.look(given.nowMs, new Map(passed))
    ticks = [...ticks, ...given.ticks]
    const newest = ticks.at(-1)?.atMs ?? 0
    ticks = ticks.filter(({ atMs }) => atMs > newest - KEPT_MS)
    show()
  }

  const ask = (): void => {
    isAsking = true
    askedAtMs = performance.now()
    void $.getJSON('tenant-pipeline/nodes', { after: ticks.at(-1)?.atMs ?? 0 })
      .done(take)
      .fail(() => news.text(words('sidebar.noAnswer')))
      .always(() => (isAsking = false))
  }

  const look = (): void => {
    const isSeen = document.visibilityState === 'visible' && content.is(':visible') && content.width() !== 0
    if (isSeen && !isAsking && performance.now() - askedAtMs >= 0.9 * EVERY_MS) ask()
  }

  setInterval(look, EVERY_MS)
  document.addEventListener('visibilitychange', look)
  return { content, look }
}

/** By flow, and in a flow as records meet them. */
function inOrder(nodes: readonly NodeOverview[]): NodeOverview[] {
  const keyOf = (node: NodeOverview): readonly [string, number, string] => [
    flowOf(node),
    TYPES.indexOf(node.type),
    nameOf(node),
  ]
  const keyed = nodes.map((node) => ({ node, key: keyOf(node) }))
  keyed.sort(({ key: a }, { key: b }) => a[0].localeCompare(b[0]) || a[1] - b[1] || a[2].localeCompare(b[2]))
  return keyed.map(({ node }) => node)
}
