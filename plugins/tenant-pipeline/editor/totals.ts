/** What all nodes together do, of those that the filter shows. */
import { shownNumber } from '../../../src/status/shown-number'
import { STAGES, type NodeOverview, type Stage } from '../../../src/watch/overview'
import { rateText, words } from './words'

const ADDED_UP = ['inFlight', 'lag', 'deadLetters'] as const

export class Totals {
  readonly element = $('<dl class="tenant-pipeline-totals">')
  private readonly values = new Map<string, JQuery>()

  constructor() {
    for (const stage of Object.keys(STAGES) as Stage[]) this.add(stage, `tenant-pipeline-stage-${stage}`)
    for (const name of ADDED_UP) this.add(name, '')
  }

  show(nodes: readonly NodeOverview[], rateOf: (node: NodeOverview) => number | undefined): void {
    for (const stage of Object.keys(STAGES) as Stage[]) {
      const rates = nodes.filter((node) => node.stage === stage).map(rateOf)
      this.set(stage, sumOf(rates), rateText)
    }
    for (const name of ADDED_UP) this.set(name, sumOf(nodes.map((node) => node[name])), shownNumber)
  }

  private add(name: string, mark: string): void {
    const value = $('<dd>').attr('data-total', name)
    this.values.set(name, value)
    this.element.append(
      $('<div>').append(
        $('<dt>')
          .addClass(mark)
          .text(words(`sidebar.total.${name}`)),
        value,
      ),
    )
  }

  /** What no node counts is not shown. */
  private set(name: string, sum: number | undefined, inWords: (sum: number) => string): void {
    const value = this.values.get(name) as JQuery
    value.text(sum === undefined ? '' : inWords(sum))
    value.parent().toggle(sum !== undefined)
  }
}

function sumOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0)
}
