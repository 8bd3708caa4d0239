/** The row of one node. What comes from the flow goes in as text. */
import { shownNumber } from '../../../src/status/shown-number'
import type { NodeOverview } from '../../../src/watch/overview'
import { ACTIONS, mayAct, offered } from './actions'
import { flowOf, nameOf, reveal } from './node-names'
import { age, inWords, rateText, stateOf, words } from './words'

/** Younger is not worth a word. */
const SHOWN_AGE_SECONDS = 1

export class Row {
  readonly element = $('<li class="tenant-pipeline-node">')
  private readonly flow = $('<div class="tenant-pipeline-flow">')
  private readonly dot = $('<i class="tenant-pipeline-dot">')
  private readonly name = $('<button type="button" class="tenant-pipeline-name">')
  private readonly rate = $('<span class="tenant-pipeline-rate">')
  private readonly state = $('<div class="tenant-pipeline-state">')
  private readonly numbers = $('<div class="tenant-pipeline-numbers">')
  private readonly actions = $('<div class="tenant-pipeline-actions">')
  private readonly news = $('<div class="tenant-pipeline-news">')
  private shown = ''

  constructor(private node: NodeOverview) {
    this.element
      .attr('data-node', node.id)
      .append(
        this.flow,
        $('<div class="tenant-pipeline-head">').append(this.dot, this.name, this.rate),
        this.state,
        this.numbers,
        this.actions,
        this.news,
      )
      .on('click', ({ target }) => {
        if ($(target).closest('.tenant-pipeline-actions, .tenant-pipeline-news').length === 0)
          reveal(this.node)
      })
  }

  show(node: NodeOverview, perSecond: number | undefined): void {
    this.node = node
    const { status } = node
    setText(this.name, nameOf(node))
    setText(this.rate, perSecond === undefined ? '' : rateText(perSecond))
    setText(this.state, stateOf(status))
    setText(this.numbers, numbersOf(node))
    this.element.attr('data-fill', status.fill ?? 'none').attr('title', `${flowOf(node)} › ${node.type}`)
    this.showActions()
  }

  /** Above the row; empty for none. */
  showFlow(name: string): void {
    setText(this.flow, name)
  }

  /** Whether a text of it has this in it. */
  matches(wanted: string): boolean {
    const { node } = this
    const texts = [nameOf(node), node.type, flowOf(node), stateOf(node.status)]
    return texts.some((text) => text.toLowerCase().includes(wanted))
  }

  /** Only when they change: a button that is pressed must not be replaced. */
  private showActions(): void {
    const names = mayAct(this.node) ? offered(this.node) : []
    if (names.join() === this.shown) return
    this.shown = names.join()
    this.actions.empty().append(
      names.map((name) => {
        const label = words(`sidebar.action.${name}`)
        return $('<button type="button" class="red-ui-button red-ui-button-small">')
          .attr({ 'data-action': name })
          .append($('<i class="fa">').addClass(ACTIONS[name].icon), $('<span>').text(label))
          .on('click', () => ACTIONS[name].run(this.node, this.news.empty()))
      }),
    )
  }
}

function numbersOf(node: NodeOverview): string {
  const { inFlight, lag, oldestSeconds = 0, deadLetters = 0, stoppedPartitions = 0 } = node
  const texts: string[] = []
  if (inFlight !== undefined) texts.push(inWords({ key: 'inFlight', values: { number: inFlight } }))
  if (lag !== undefined) texts.push(inWords({ key: 'lag', values: { number: lag } }))
  if (oldestSeconds >= SHOWN_AGE_SECONDS)
    texts.push(inWords({ key: 'oldest', values: { age: age(oldestSeconds) } }))
  if (deadLetters > 0) texts.push(words('sidebar.deadLetters', { number: shownNumber(deadLetters) }))
  if (stoppedPartitions > 0) texts.push(words('sidebar.stopped', { number: stoppedPartitions }))
  return texts.join(' · ')
}

function setText(element: JQuery, text: string): void {
  if (element.text() !== text) element.text(text)
}
