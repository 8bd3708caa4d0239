/** Where a flow writes to, read from its nodes: that is what `npm start` counts, also after the user's edits. */
import type { FlowEntry } from '../node-red'

export interface Targets {
  readonly kafkaTopics: readonly RegExp[]
  /** `schema.table`. */
  readonly tables: readonly string[]
  readonly deadLetterTopics: readonly RegExp[]
  readonly deadLetterTables: readonly string[]
}

export function targetsOf(flow: readonly FlowEntry[]): Targets {
  const running = flow.filter((entry) => entry.d !== true)
  const ofType = (type: string): FlowEntry[] => running.filter((entry) => entry.type === type)
  const topics = ofType('tenant-topic').map((entry) =>
    textOf(entry.strategy === 'template' ? entry.topicTemplate : entry.kafkaTopic),
  )
  const deadLetters = ofType('tenant-dead-letter')
  const intoTable = deadLetters.filter((entry) => entry.target === 'table')
  const intoKafka = deadLetters.filter((entry) => entry.target !== 'table')
  const sinks = ofType('tenant-postgres-sink')
  const keepingOwn = sinks.filter((entry) => entry.deadLetters === 'table')
  return {
    kafkaTopics: unique(topics).map(topicPattern),
    tables: unique(sinks.map((entry) => inSchema(entry, entry.table))),
    deadLetterTopics: unique(intoKafka.map((entry) => textOf(entry.topic))).map(topicPattern),
    deadLetterTables: unique([
      ...intoTable.map((entry) => inSchema(entry, entry.table)),
      ...keepingOwn.map((entry) => inSchema(entry, entry.deadLetterTable)),
    ]),
  }
}

/** A topic, or a template such as `{tenant}.{project}`, as a pattern for topic names. */
export function topicPattern(template: string): RegExp {
  const parts = template.split(/\{[^}]*\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('[^.]+')}$`)
}

function inSchema(entry: FlowEntry, table: unknown): string {
  const name = textOf(table)
  return name === '' || name.includes('.') ? name : `${textOf(entry.schema) || 'public'}.${name}`
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)].filter((value) => value !== '')
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
