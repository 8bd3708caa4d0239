/**
 * Partitions of a consumer that have stopped, because records may be lost or cannot be read.
 *
 * A possible loss is remembered until the operator has released the partition, as long as the process lives: also when the
 * partition is given up and comes back, and when the consumer is deployed again. The partition may look sound by then.
 * A topic that was created again and has outgrown the position in the meantime would be read from there, and everything
 * before it skipped in silence.
 */
import type { PipelineError } from '../../wire/errors'
import { partitionKey } from '../topic-partition'
import type { OffsetRange, PartitionStop, StartAt, TopicPartition } from '../driver'

/** What the operator needs to know to decide where a partition continues. */
export interface StoppedPartition extends TopicPartition, OffsetRange {
  /** What should have been read. */
  readonly nextOffset: number
  readonly code: string
  readonly message: string
}

interface Stopped {
  readonly partition: TopicPartition
  stop: PartitionStop
}

const LOSS = 'KAFKA_OFFSET_OUT_OF_RANGE'

/** Possible losses in this process, by group and partition. */
const remembered = new Map<string, PartitionStop>()

export class StoppedPartitions {
  private readonly stops = new Map<string, Stopped>()

  /** @param group names the group and its cluster, asked when a partition has been given to the consumer */
  constructor(private readonly group: () => string) {}

  /** How many there are now. */
  get size(): number {
    return this.stops.size
  }

  /** Of the partition that stopped first. */
  get problem(): PipelineError | undefined {
    return this.stops.values().next().value?.stop.problem
  }

  add(partition: TopicPartition, stop: PartitionStop): void {
    this.stops.set(partitionKey(partition), { partition, stop })
    this.noteEnd(partition, remembered.get(this.memoryKey(partition))?.end)
  }

  /** The operator has said where it continues. */
  release(partition: TopicPartition): void {
    this.stops.delete(partitionKey(partition))
    remembered.delete(this.memoryKey(partition))
  }

  /** The partition has another owner, or none. */
  leave(partition: TopicPartition): void {
    this.stops.delete(partitionKey(partition))
  }

  /**
   * The stop of a partition that is about to begin, unless it was released. It is forgotten when the partition was
   * released by another process, or positions were set by hand: it begins elsewhere then.
   */
  recall(partition: TopicPartition, start: StartAt): PartitionStop | undefined {
    const key = this.memoryKey(partition)
    const stop = remembered.get(key)
    if (stop === undefined) return undefined
    const at = typeof start === 'object' && 'offset' in start ? (start.reached ?? start.offset) : undefined
    if (at !== undefined && at >= stop.settled && at <= stop.nextOffset) return stop
    remembered.delete(key)
    return undefined
  }

  /** The smallest end that was seen since the partition has stopped: positions beyond it belong to records that no longer exist. */
  smallestEnd(partition: TopicPartition, latest: number): number {
    this.noteEnd(partition, latest)
    return this.stops.get(partitionKey(partition))?.stop.end ?? latest
  }

  /**
   * With what Kafka has of them now.
   * @throws PipelineError while Kafka cannot be asked
   */
  list(offsets: (partition: TopicPartition) => Promise<OffsetRange>): Promise<StoppedPartition[]> {
    const describe = async ({ partition, stop }: Stopped): Promise<StoppedPartition> => {
      const { earliest, latest } = await offsets(partition)
      this.noteEnd(partition, latest)
      const { code, message } = stop.problem
      return { ...partition, nextOffset: stop.nextOffset, earliest, latest, code, message }
    }
    return Promise.all([...this.stops.values()].map(describe))
  }

  private noteEnd(partition: TopicPartition, end = Infinity): void {
    const stopped = this.stops.get(partitionKey(partition))
    if (stopped === undefined) return
    const smallest = Math.min(stopped.stop.end ?? Infinity, end)
    if (smallest !== Infinity) stopped.stop = { ...stopped.stop, end: smallest }
    if (stopped.stop.problem.code === LOSS) remembered.set(this.memoryKey(partition), stopped.stop)
  }

  private memoryKey({ topic, partition }: TopicPartition): string {
    return JSON.stringify([this.group(), topic, partition])
  }
}
