/** Partitions of a consumer that have stopped, because records may be lost or cannot be read. */
import type { PipelineError } from '../runtime/errors'
import { partitionKey } from './commit-queue'
import type { OffsetRange, TopicPartition } from './driver'

/** What a person needs to decide where a partition goes on. */
export interface StoppedPartition extends TopicPartition, OffsetRange {
  /** What should have been read. */
  readonly nextOffset: number
  readonly code: string
  readonly message: string
}

interface Stop {
  readonly partition: TopicPartition
  readonly problem: PipelineError
  readonly nextOffset: number
}

export class StoppedPartitions {
  private readonly stops = new Map<string, Stop>()

  /** Of the partition that stopped first. */
  get problem(): PipelineError | undefined {
    return this.stops.values().next().value?.problem
  }

  add(partition: TopicPartition, problem: PipelineError, nextOffset: number): void {
    this.stops.set(partitionKey(partition), { partition, problem, nextOffset })
  }

  remove(partition: TopicPartition): void {
    this.stops.delete(partitionKey(partition))
  }

  /**
   * With what Kafka has of them now.
   * @throws PipelineError while Kafka cannot be asked
   */
  list(offsets: (partition: TopicPartition) => Promise<OffsetRange>): Promise<StoppedPartition[]> {
    const describe = async ({ partition, problem, nextOffset }: Stop): Promise<StoppedPartition> => {
      const { earliest, latest } = await offsets(partition)
      const { code, message } = problem
      return { ...partition, nextOffset, earliest, latest, code, message }
    }
    return Promise.all([...this.stops.values()].map(describe))
  }
}
