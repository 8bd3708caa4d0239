import { qualified, type TableName } from '../identifiers'

/**
 * `concurrently` takes a partition out without stopping readers or writers. It waits for the transactions that run; when
 * it is interrupted the partition stays half detached, and `finalize` finishes that. Not inside of a transaction.
 * `at once` stops readers and writers for a moment: PostgreSQL has no other way beside a default partition.
 */
export type Detaching = 'concurrently' | 'finalize' | 'at once'

export function detachPartition(parent: TableName, partition: TableName, how: Detaching): string {
  return `alter table ${qualified(parent)} detach partition ${qualified(partition)} ${how === 'at once' ? '' : how}`
}
