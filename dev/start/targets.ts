/** Where a flow writes to, read from its nodes: that is what `npm start` counts, also after the user's edits. */
import type { FlowEntry } from '../node-red'

export interface Targets {
  readonly kafkaTopics: readonly RegExp[]
  readonly tables: readonly string[]
  readonly deadLetterTopics: readonly RegExp[]
  readonly deadLetterTables: readonly string[]
}

export function targetsOf(flow: readonly FlowEntry[]): Targets {
  const running = flow.filter((entry) => entry.d !== true)
  const all = (type: string, property: string): string[] =>
    running.filter((entry) => entry.type === type).map((entry) => textOf(entry[property]))
  const shared = running.filter((entry) => entry.type === 'tenant-topic' && entry.strategy !== 'template')
  const templated = running.filter((entry) => entry.type === 'tenant-topic' && entry.strategy === 'template')
  const deadLetters = running.filter((entry) => entry.type === 'tenant-dead-letter')
  const named = (entries: FlowEntry[], property: string): string[] =>
    entries.map((entry) => textOf(entry[property])).filter((value) => value !== '')
  return {
    kafkaTopics: [...named(shared, 'kafkaTopic'), ...named(templated, 'topicTemplate')].map(topicPattern),
    tables: unique(all('tenant-postgres-sink', 'table')),
    deadLetterTopics: named(
      deadLetters.filter((entry) => entry.target !== 'table'),
      'topic',
    ).map(topicPattern),
    deadLetterTables: unique(
      named(
        deadLetters.filter((entry) => entry.target === 'table'),
        'table',
      ),
    ),
  }
}

/** A topic, or a template such as `{tenant}.{project}`, as a pattern for topic names. */
export function topicPattern(template: string): RegExp {
  const parts = template.split(/\{[^}]*\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('[^.]+')}$`)
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)].filter((value) => value !== '')
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
