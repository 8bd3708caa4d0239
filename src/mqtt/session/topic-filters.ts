/** The topic filters of a source (MQTT 5 §4.7 and §4.8.2 for shared subscriptions). */
import { PipelineError } from '../../wire/errors'
import type { QoS } from '../connect/deferred-acknowledgement'

const MAX_FILTER_BYTES = 65_535

/**
 * A broker may deliver a message once for each filter that it matches (Mosquitto does in MQTT 5). So a filter that
 * another one covers is left out, and filters that have only some topics in common are refused.
 * @param text one or several filters, separated by commas: `plant/+/temperature, $share/group/plant/#`
 * @throws PipelineError `CONFIG_INVALID`
 */
export function parseTopicFilters(text: string, qos: QoS): Map<string, QoS> {
  const filters = readFilters(text)
  const [one, other] = overlapOf(filters) ?? []
  if (one !== undefined) {
    throw invalid(
      `"${one}" and "${other}" have topics in common, and their messages would come twice: ` +
        'use one wider filter, and a Switch behind this node',
    )
  }
  return new Map(filters.map((filter) => [filter, qos]))
}

/** Whether two of the filters have only some topics in common. @throws PipelineError `CONFIG_INVALID` */
export const filtersOverlap = (text: string): boolean => overlapOf(readFilters(text)) !== undefined

function readFilters(text: string): string[] {
  const filters = [...new Set(text.split(',').map((filter) => filter.trim()))]
  for (const filter of filters) checkFilter(filter)
  return filters.filter((filter) => !filters.some((other) => other !== filter && covers(other, filter)))
}

function overlapOf(filters: readonly string[]): [string, string] | undefined {
  for (const [index, filter] of filters.entries()) {
    const other = filters.slice(0, index).find((before) => overlap(before, filter))
    if (other !== undefined) return [other, filter]
  }
  return undefined
}

/** What a broker must have for this filter, and may not have (MQTT 5 §3.2.2.3). */
export function needsOf(filter: string): {
  readonly wildcards: boolean
  readonly sharedSubscriptions: boolean
} {
  const { levels } = partsOf(filter)
  return {
    wildcards: levels.includes('+') || levels.includes('#'),
    sharedSubscriptions: filter.startsWith('$share/'),
  }
}

/** Whether a message of this topic is for this filter (MQTT 5 §4.7). */
export function matches(filter: string, topic: string): boolean {
  const { levels } = partsOf(filter)
  const names = topic.split('/')
  if (!reach(levels[0], names[0])) return false
  for (const [index, level] of levels.entries()) {
    // "a/#" matches "a" as well.
    if (level === '#') return names.length >= index
    if (index >= names.length || (level !== '+' && level !== names[index])) return false
  }
  return levels.length === names.length
}

/** Filters that are looked for at most; they double with each level. */
const MAX_COVERING = 256
/** Of a topic or filter that others are derived from; of a longer one, those that end in `#` alone. */
const MAX_LEVELS = 32

/**
 * The filters that cover a topic or another filter, those with few `+` first: for `a/b` these are `a/b`, `a/b/#`, `a/#`,
 * `#`, `+/b`, … Filters of shared subscriptions are not among them, because their group could have any name.
 */
export function coveringFilters(topic: string, limit = MAX_COVERING): string[] {
  const { levels } = partsOf(topic)
  // A device may send a topic of 32,767 levels.
  const isOpen = levels.at(-1) === '#' || levels.length > MAX_LEVELS
  const names = levels.slice(0, levels.at(-1) === '#' ? -1 : undefined).slice(0, MAX_LEVELS)
  const found = isOpen ? [] : [[...names]]
  for (let length = names.length; length >= 0; length--) found.push([...names.slice(0, length), '#'])
  for (const filter of found) {
    if (found.length >= limit) break
    for (let index = filter.lastIndexOf('+') + 1; index < filter.length; index++)
      if (filter[index] !== '#') found.push(filter.with(index, '+'))
  }
  return found.filter(([first]) => reach(first, names[0])).map((filter) => filter.join('/'))
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

/** The groups that share subscriptions in these filters. */
export function groupsOf(filters: readonly string[]): string[] {
  const shared = filters.filter((filter) => filter.startsWith('$share/'))
  return [...new Set(shared.map((filter) => partsOf(filter).group as string))]
}

/** A wildcard at the beginning does not match topics of the broker itself (`$SYS/…`). */
function reach(first: string | undefined, other: string | undefined): boolean {
  return !(first === '+' || first === '#') || other?.startsWith('$') !== true
}

function partsOf(filter: string): { readonly group: string | undefined; readonly levels: readonly string[] } {
  const levels = filter.split('/')
  if (levels[0] === '$share') return { group: levels[1], levels: levels.slice(2) }
  // What EMQX and others have besides; a message comes with the topic behind it.
  if (levels[0] === '$queue' || levels[0] === '$exclusive')
    return { group: levels[0], levels: levels.slice(1) }
  return { group: undefined, levels }
}

function checkFilter(filter: string): void {
  if (filter === '') throw invalid('a topic filter is empty')
  if (new TextEncoder().encode(filter).length > MAX_FILTER_BYTES) throw invalid('a topic filter is too long')
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
    status: 'checkTopicFilter',
  })
}
