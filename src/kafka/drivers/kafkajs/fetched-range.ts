/** What kafkajs has fetched from a partition, as the package's own range. */
import type { Batch } from 'kafkajs'
import type { OffsetGap } from '../../../wire/message'
import { gapsIn, NO_GAPS } from '../../../wire/offset-gaps'
import type { ConsumedRecord } from '../../driver'
import type { FetchedRange } from '../../group/partitions/partition-reader'
import { unreadableReason } from './patches/batch-check'

/** What a batch has besides its public type. */
type KafkaJsBatch = Batch & {
  /** The offset that was asked for. */
  readonly fetchedOffset: string
  /** With what kafkajs leaves out: control records, and records of transactions that were aborted. */
  readonly messagesWithinOffset: readonly { readonly offset: string }[]
}

export function fetchedRange(fetched: Batch): FetchedRange {
  const batch = fetched as KafkaJsBatch
  const fetchedOffset = Number(batch.fetchedOffset)
  const highWatermark = Number(batch.highWatermark)
  const broken = batch.messages.findIndex((message) => unreadableReason(message) !== undefined)
  const sound = broken < 0 ? batch.messages : batch.messages.slice(0, broken)
  const records = sound.map(({ offset, key, value, headers, timestamp }): ConsumedRecord => ({
    offset: Number(offset),
    key,
    value,
    headers: headers ?? {},
    timestamp: Number(timestamp),
  }))
  if (broken < 0) {
    const nextOffset = Number(batch.lastOffset()) + 1
    const gaps = gapsOf(batch, fetchedOffset, nextOffset)
    return { fetchedOffset, nextOffset, highWatermark, records, gaps }
  }
  const last = records.at(-1)
  const nextOffset = last === undefined ? fetchedOffset : last.offset + 1
  const unreadable = unreadableReason(batch.messages[broken] as object)
  return { fetchedOffset, nextOffset, highWatermark, records, unreadable }
}

function gapsOf(
  { messagesWithinOffset: all }: KafkaJsBatch,
  fetchedOffset: number,
  nextOffset: number,
): readonly OffsetGap[] {
  if (all.length === nextOffset - fetchedOffset) return NO_GAPS
  return gapsIn(
    fetchedOffset,
    all.map(({ offset }) => Number(offset)),
  )
}
