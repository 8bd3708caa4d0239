/**
 * A record that the broker refuses is the record's fault, until a topic refuses one after the other: then a setting of the
 * topic is at fault (compaction, a schema check, a policy of a gateway), and to write off more would make dead letters of
 * good messages. From then on a refused record waits, until one of the topic is taken.
 *
 * Now and then one more is written off: it may be bad by itself, and must not hold up those after it when the setting is
 * right again.
 */
import { PipelineError } from '../../wire/errors'
import type { KafkaRecord } from '../driver'
import { phrase } from '../../status/phrase'

/** In a row, without one that the topic has taken. */
const MAX_IN_A_ROW = 50
/** A single device may send nothing but rubbish. */
const FEWEST_DEVICES = 2
const PROBE_MS = 600_000
const MAX_TOPICS = 1_000

interface Run {
  refused: number
  readonly devices: Set<unknown>
  lastAtMs: number
}

export class TopicRefusals {
  private readonly runs = new Map<string, Run>()

  /** @param nowMs monotonic */
  constructor(private readonly nowMs: () => number) {}

  /** The topic has taken records. */
  taken(topic: string): void {
    if (this.runs.size > 0) this.runs.delete(topic)
  }

  /**
   * @param records what was refused; several are refused apart before one of them is judged
   * @returns the same error when the record is to be written off, or one that says to try again
   */
  judge(topic: string, records: readonly KafkaRecord[], error: PipelineError): PipelineError {
    const [record] = records
    if (record === undefined || records.length > 1) return error
    const run = this.runs.get(topic) ?? this.begin(topic)
    const isTopicsFault = run.refused >= MAX_IN_A_ROW && run.devices.size >= FEWEST_DEVICES
    if (isTopicsFault && this.nowMs() - run.lastAtMs < PROBE_MS) return refusesAll(topic, run.refused, error)
    run.refused++
    run.lastAtMs = this.nowMs()
    // Records without a key belong to no device in particular.
    if (run.devices.size < FEWEST_DEVICES) run.devices.add(record.key === null ? record : String(record.key))
    return error
  }

  private begin(topic: string): Run {
    if (this.runs.size >= MAX_TOPICS) this.runs.clear()
    const run = { refused: 0, devices: new Set(), lastAtMs: this.nowMs() }
    this.runs.set(topic, run)
    return run
  }
}

function refusesAll(topic: string, refused: number, cause: PipelineError): PipelineError {
  return new PipelineError(
    'KAFKA_TOPIC_REFUSES',
    `Kafka topic ${topic} has refused ${refused} records one after the other, and none was taken: a setting of the topic is ` +
      'at fault (cleanup.policy=compact with records without a key, a schema check or a policy of the cluster, ' +
      `message.timestamp.before.max.ms). Correct it; the records wait for that (${cause.message})`,
    { retryable: true, status: phrase('kafka', { problem: phrase('kafkaTopicRefusesAll') }), cause },
  )
}
