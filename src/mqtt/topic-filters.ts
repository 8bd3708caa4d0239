/** The topic filters of a source (MQTT 5 §4.7 and §4.8.2 for shared subscriptions). */
import { PipelineError } from '../runtime/errors'
import type { QoS } from './deferred-acknowledgement'

const MAX_FILTER_BYTES = 65_535

/**
 * A broker may deliver a message once for each filter that it matches (Mosquitto does in MQTT 5). So a filter that
 * another one covers is left out, and filters that have only some topics in common are refused.
 * @param text one or several filters, separated by commas: `plant/+/temperature, $share/group/plant/#`
 * @throws PipelineError `CONFIG_INVALID`
 */
export function parseTopicFilters(text: string, qos: QoS): Map<string, QoS> {
  const filters = [...new Set(text.split(',').map((filter) => filter.trim()))]
  for (const filter of filters) checkFilter(filter)
  const wide = filters.filter((filter) => !filters.some((other) => other !== filter && covers(other, filter)))
  for (const [index, filter] of wide.entries()) {
    const other = wide.slice(0, index).find((before) => overlap(before, filter))
    if (other === undefined) continue
    throw invalid(
      `"${other}" and "${filter}" have topics in common, and their messages would come twice: ` +
        'use one wider filter, and a Switch behind this node',
    )
  }
  return new Map(wide.map((filter) => [filter, qos]))
}

/** What a broker must have for this filter, and may not have (MQTT 5 §3.2.2.3). */
export function needsOf(filter: string): {
  readonly wildcards: boolean
  readonly sharedSubscriptions: boolean
} {
  const { group, levels } = partsOf(filter)
  return {
    wildcards: levels.includes('+') || levels.includes('#'),
    sharedSubscriptions: group !== undefined,
  }
}

/** All that the narrow filter matches is delivered for the wide one as well. */
function covers(wide: string, narrow: string): boolean {
  const [a, b] = [partsOf(wide), partsOf(narrow)]
  if (a.group !== b.group || !reach(a.levels[0], b.levels[0])) return false
  for (const [index, level] of a.levels.entries()) {
    if (level === '#') return true
    const other = b.levels[index]
    if (other === undefined || other === '#' || (level !== '+' && level !== other)) return false
  }
  return a.levels.length === b.levels.length
}

/** There are topics that match both. */
function overlap(one: string, other: string): boolean {
  const [a, b] = [partsOf(one).levels, partsOf(other).levels]
  if (!reach(a[0], b[0]) || !reach(b[0], a[0])) return false
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const [x, y] = [a[index], b[index]]
    if (x === '#' || y === '#') return true
    if (x === undefined || y === undefined || (x !== '+' && y !== '+' && x !== y)) return false
  }
  return true
}

/** A wildcard at the beginning does not match topics of the broker itself (`$SYS/…`). */
function reach(first: string | undefined, other: string | undefined): boolean {
  return !(first === '+' || first === '#') || other?.startsWith('$') !== true
}

function partsOf(filter: string): { readonly group: string | undefined; readonly levels: readonly string[] } {
  const levels = filter.split('/')
  return levels[0] === '$share' ? { group: levels[1], levels: levels.slice(2) } : { group: undefined, levels }
}

function checkFilter(filter: string): void {
  if (filter === '') throw invalid('a topic filter is empty')
  if (Buffer.byteLength(filter) > MAX_FILTER_BYTES) throw invalid('a topic filter is too long')
  const levels = filter.split('/')
  if (levels[0] === '$share' && (levels.length < 3 || levels[1] === '')) {
    throw invalid(`"${filter}": a shared subscription is $share/<group>/<topic filter>`)
  }
  levels.forEach((level, index) => {
    if (level.includes('#') && (level !== '#' || index !== levels.length - 1)) {
      throw invalid(`"${filter}": "#" stands alone, as the last level`)
    }
    if (level.includes('+') && level !== '+') throw invalid(`"${filter}": "+" stands alone in its level`)
  })
}

function invalid(message: string): PipelineError {
  return new PipelineError('CONFIG_INVALID', `topic filter: ${message}`, {
    retryable: false,
    statusText: 'check the topic filter',
  })
}
