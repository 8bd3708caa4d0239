/**
 * The conservation checker: compares what was published with what is found. Everything that a fault test says about
 * loss comes from here, so it is a pure function over the publisher's logs and the records.
 */
import { createHash } from 'node:crypto'
import type { PublisherLogs } from './publisher/logs'

/** A record as Kafka stores it, in the order of its partition. */
export interface FoundRecord {
  readonly partition: number
  readonly offset: number
  readonly value: Buffer
  readonly headers: Readonly<Record<string, string>>
  /** When the broker appended it, in milliseconds since 1970: the topic has `message.timestamp.type=LogAppendTime`. */
  readonly appendedAt: number
}

/** All lists hold ids, or a description of a record that has none. */
export interface Findings {
  /** Messages that the broker acknowledged to the publisher. */
  readonly acknowledged: number
  /** Different messages of this run that were found. */
  readonly found: number
  /** Acknowledged, and nowhere. */
  readonly missing: readonly string[]
  /** Found, and never published. */
  readonly invented: readonly string[]
  /** The payload's bytes, the topic or the message id are not those of the publisher. */
  readonly altered: readonly string[]
  /** The tenant, project or device in the headers is not the one of the topic. */
  readonly wrongTenant: readonly string[]
  /** Copies beyond the first of a message. */
  readonly repeated: number
  /** Topics whose messages are first seen in another order than they reached the source, with an example. */
  readonly disordered: readonly string[]
  /** Topics whose messages reached the source in another order than they were published, with an example. */
  readonly disorderedOnArrival: readonly string[]
  /** Appended after the heal among those published after it: the earliest, in ms after the heal. */
  readonly recoveryMs: number | undefined
}

export interface Evidence {
  readonly run: string
  readonly logs: PublisherLogs
  /** Of the topic; partition by partition, in order. Records of other runs are left out. */
  readonly records: readonly FoundRecord[]
  /** Found as dead letters: ids. They are not missing, and nothing else is asked of them. */
  readonly deadLetters?: ReadonlySet<string>
  /** When the fault was over, in milliseconds since 1970. */
  readonly healedAt?: number | undefined
}

export function examine({ run, logs, records, deadLetters = new Set(), healedAt }: Evidence): Findings {
  const intents = new Map(logs.intents.map((intent) => [intent.id, intent]))
  const seen = new Set<string>()
  const latest = new Map<string, { readonly seq: number; readonly record: FoundRecord }>()
  const invented: string[] = []
  const altered = new Set<string>()
  const wrongTenant = new Set<string>()
  const disordered = new Map<string, string>()
  const disorderedOnArrival = new Map<string, string>()
  let repeated = 0
  let recoveryMs: number | undefined
  for (const record of records) {
    const id = idIn(record)
    if (id !== undefined && !id.startsWith(`${run}-`)) continue
    const intent = id === undefined ? undefined : intents.get(id)
    if (id === undefined || intent === undefined) {
      invented.push(id ?? `partition ${record.partition}, offset ${record.offset}`)
      continue
    }
    const { headers } = record
    const [tenant, project, device] = intent.topic.split('/').slice(-3)
    const digest = createHash('sha256').update(record.value).digest('hex')
    if (digest !== intent.sha256 || headers['mqtt-topic'] !== intent.topic || headers['message-id'] !== id)
      altered.add(id)
    if (headers.tenant !== tenant || headers.project !== project || headers.device !== device)
      wrongTenant.add(id)
    if (seen.has(id)) {
      repeated++
      continue
    }
    seen.add(id)
    const before = latest.get(intent.topic)
    if (before === undefined || intent.seq > before.seq) latest.set(intent.topic, { seq: intent.seq, record })
    else {
      const arrivedSo = arrivalOf(record) >= arrivalOf(before.record)
      const [here, there] = [placeOf(record), placeOf(before.record)]
      const example = `${intent.topic}: number ${intent.seq} ${here}, behind ${before.seq} ${there}`
      const examples = arrivedSo ? disorderedOnArrival : disordered
      if (!examples.has(intent.topic)) examples.set(intent.topic, example)
    }
    if (healedAt !== undefined && intent.publishedAt >= healedAt)
      recoveryMs = Math.min(recoveryMs ?? Infinity, record.appendedAt - healedAt)
  }
  return {
    acknowledged: logs.acknowledged.size,
    found: seen.size,
    missing: [...logs.acknowledged].filter((id) => !seen.has(id) && !deadLetters.has(id)),
    invented,
    altered: [...altered],
    wrongTenant: [...wrongTenant],
    repeated,
    disordered: [...disordered.values()],
    disorderedOnArrival: [...disorderedOnArrival.values()],
    recoveryMs,
  }
}

function placeOf(record: FoundRecord): string {
  return `at ${record.partition}/${record.offset} (received at ${arrivalOf(record)})`
}

/** When the source emitted it first, in milliseconds since 1970. */
function arrivalOf({ headers }: FoundRecord): number {
  return Number(headers['received-at'])
}

/** The id that a payload of the publisher begins with; `undefined` when it is not one of its payloads. */
export function idIn({ value }: Pick<FoundRecord, 'value'>): string | undefined {
  return /^\{ "id":"([^"]+)"/.exec(value.subarray(0, 100).toString('latin1'))?.[1]
}
