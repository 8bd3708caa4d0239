/**
 * Partitions that Kafka does not let this consumer read or commit while it reads the others: a missing permission, or
 * damage on the broker's disk. They are one problem, which names them and ends when the last of them is read again.
 */
import type { PipelineError } from '../../../wire/errors'
import { refusal, type ProtocolFault } from '../../error-verdicts'
import { listOf, partitionKey } from '../../topic-partition'
import type { TopicPartition } from '../../driver'

/** The part of a consumer that has a problem when Kafka refuses some partitions. */
export const REFUSED = 'refused'

/** An answer about one partition; `error` is `undefined` when all is well. */
export interface PartitionAnswer {
  readonly request: 'fetch' | 'commit'
  readonly partition: TopicPartition
  readonly error: ProtocolFault | undefined
}

export class RefusedPartitions {
  /** By request and partition, of partitions that the consumer owns. */
  private readonly refused = new Map<string, PartitionAnswer & { readonly error: ProtocolFault }>()

  constructor(private readonly onProblem: (problem: PipelineError | undefined) => void) {}

  note(answer: PartitionAnswer): void {
    const { request, partition, error } = answer
    const key = keyOf(request, partition)
    if (error !== undefined) this.refused.set(key, { ...answer, error })
    else if (!this.refused.delete(key)) return
    this.onProblem(this.problem)
  }

  /** The partition no longer belongs to this consumer. */
  forget(partition: TopicPartition): void {
    for (const request of ['fetch', 'commit'] as const) this.note({ request, partition, error: undefined })
  }

  get size(): number {
    return this.refused.size
  }

  /** What is refused in the same way as the first. */
  private get problem(): PipelineError | undefined {
    const all = [...this.refused.values()]
    const [first] = all
    if (first === undefined) return undefined
    const alike = all.filter(({ error }) => error.message === first.error.message)
    const partitions = new Map(alike.map(({ partition }) => [partitionKey(partition), partition]))
    const names = listOf([...partitions.values()])
    return refusal(first.error, `Kafka refuses ${names}, the others are read`)
  }
}

function keyOf(request: PartitionAnswer['request'], partition: TopicPartition): string {
  return `${request} ${partitionKey(partition)}`
}
