/** Whether a partition still has the offset that is to be read next. */
import type { OffsetRange, PartitionStop } from '../../driver'
import { outOfRange } from '../partition-errors'
import type { PartitionReader } from './partition-reader'

/**
 * A broker that was frozen, or cut off from the others, takes itself for the leader until it hears of the new one, and
 * its log ends where that began. So an end before the position is believed only after this many answers.
 */
const END_ATTEMPTS = 6

/** Why a partition cannot be read from an offset on, and where it ends. */
export type OffsetLoss = Pick<PartitionStop, 'problem' | 'nextOffset' | 'end'>

/**
 * @param ask     for the range again
 * @param rest    between two questions
 * @param reached the partition was read up to there, so an end before that is as wrong as one before the offset
 */
export async function findLoss(
  reader: PartitionReader,
  offset: number,
  range: OffsetRange,
  ask: () => Promise<OffsetRange>,
  rest: (attempt: number) => Promise<void>,
  reached = offset,
): Promise<OffsetLoss | undefined> {
  for (let attempt = 1; ; attempt++) {
    const end = range.latest
    const nextOffset = reached > end ? reached : offset
    if (nextOffset <= end || attempt === END_ATTEMPTS || reader.isRevoked) {
      const problem = outOfRange(reader.partition, nextOffset, range)
      return problem && { problem, nextOffset, end }
    }
    await rest(attempt)
    range = await ask()
  }
}
