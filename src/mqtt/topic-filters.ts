/** The topic filters of a source (MQTT 5 §4.7 and §4.8.2 for shared subscriptions). */
import { PipelineError } from '../runtime/errors'
import type { QoS } from './deferred-acknowledgement'

const MAX_FILTER_BYTES = 65_535

/**
 * @param text one or several filters, separated by commas: `plant/+/temperature, $share/group/plant/#`
 * @throws PipelineError `CONFIG_INVALID`
 */
export function parseTopicFilters(text: string, qos: QoS): Map<string, QoS> {
  const filters = text.split(',').map((filter) => filter.trim())
  for (const filter of filters) checkFilter(filter)
  return new Map(filters.map((filter) => [filter, qos]))
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
