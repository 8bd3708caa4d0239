/**
 * Finds the rows that PostgreSQL refuses, and writes all others, with few statements: for k bad rows among n at
 * most k · (1 + log2 n) + 2, even if each attempt answers only yes or no. Faults that need a proof cost one more each.
 *
 * It tries all rows. When that fails, it searches for the first bad row by halves: a half that passes is written, a half
 * that fails is halved again, until one row is left. Then it continues after that row. Statements that the bound leaves
 * over are spent on certainty, and on runs of bad rows:
 *
 *  - a row that is left because all others have passed is tried alone. It may have failed only together with rows that
 *    are written by now, or the fault was fixed meanwhile: then it is not bad
 *  - after two adjacent bad rows the next row is tried alone, so that a run of bad rows soon costs one statement each
 */
export interface Fault<E> {
  readonly error: E
  /** The row that is named as the bad one, counted from the first row of the attempt. */
  readonly row?: number | undefined
}

export interface BadRow<E> {
  readonly index: number
  readonly error: E
}

export interface BisectOptions<E> {
  /** The fault of an earlier statement with all rows. */
  readonly first?: Fault<E> | undefined
  /** Errors that count against a row only when it fails alone. */
  readonly needsProof?: (error: E) => boolean
}

type Write<E> = (from: number, to: number) => Promise<Fault<E> | undefined>

/** Rows tried at once after a fault that named its row, so that many bad rows do not resend the whole batch. */
const FIRST_WINDOW = 64

/** After this many adjacent bad rows the next one is expected to be bad. */
const BAD_RUN = 2

/**
 * @param write tries the rows `from` up to, not including, `to`, and leaves no trace of them when they fail
 */
export async function bisect<E>(
  count: number,
  write: Write<E>,
  { first, needsProof = () => false }: BisectOptions<E> = {},
): Promise<BadRow<E>[]> {
  const bad: BadRow<E>[] = []
  let statements = first === undefined ? 0 : 1
  const attempt: Write<E> = (from, to) => {
    statements++
    return write(from, to)
  }
  /** Whether one more statement is within the bound, with `found` bad rows and nothing known from `next` on. */
  const affords = (found: number, next: number): boolean => {
    // The rest takes one statement; searches in more rows than this may take one more than the logarithm, in all.
    const toCome = next === count ? 0 : count - next > powerOfTwoWithin(count) ? 2 : 1
    return statements + 1 + toCome <= found * (1 + Math.log2(count)) + 2
  }

  let known = first
  let from = 0
  let window = count
  let run = 0
  while (from < count) {
    const expectsBad = known === undefined && run >= BAD_RUN && affords(bad.length, from)
    const to = expectsBad ? from + 1 : Math.min(count, from + window)
    const isOld = known !== undefined
    const fault = known ?? (await attempt(from, to))
    known = undefined
    if (fault === undefined) {
      from = to
      run = 0
      if (!expectsBad) window *= 4
      continue
    }
    const { index, ...found } = await firstBadRow(from, to, fault, isOld, attempt)
    let error: E | undefined = found.error
    const isDoubtful =
      needsProof(found.error) ||
      (found.evidence === 'the others passed' && affords(bad.length + 1, index + 1))
    if (found.evidence !== 'failed alone' && isDoubtful) error = (await attempt(index, index + 1))?.error
    if (error !== undefined) bad.push({ index, error })
    run = error === undefined ? 0 : index === from ? run + 1 : 1
    window = fault.row === undefined ? count : Math.max(FIRST_WINDOW, 4 * (index - from))
    from = index + 1
  }
  return bad
}

/** Why a row is taken to be the bad one. */
type Evidence = 'failed alone' | 'was named' | 'the others passed'

/**
 * @param fault of exactly the rows from `from` to `to`
 * @param isOld it is from an earlier transaction, which proves nothing about this one
 */
async function firstBadRow<E>(
  from: number,
  to: number,
  fault: Fault<E>,
  isOld: boolean,
  attempt: Write<E>,
): Promise<{ index: number; error: E; evidence: Evidence }> {
  let [low, high] = [from, to]
  let { error, row } = fault
  let evidence: Evidence = isOld ? 'the others passed' : 'failed alone'
  while (high - low > 1) {
    const named = row !== undefined && row < high - low ? low + row : undefined
    if (named === low) return { index: low, error, evidence: 'was named' }
    const middle = named ?? low + firstPart(high - low)
    const result = await attempt(low, middle)
    if (result !== undefined) {
      high = middle
      ;({ error, row } = result)
      evidence = 'failed alone'
    } else if (named !== undefined) {
      return { index: named, error, evidence: 'was named' }
    } else {
      low = middle
      row = undefined
      evidence = 'the others passed'
    }
  }
  return { index: low, error, evidence }
}

/**
 * How many of these rows to try first. A search in a number of rows that is no power of two may need one more statement.
 * It needs it for the last rows: after them few are left to search, which makes up for it.
 */
function firstPart(rows: number): number {
  const power = powerOfTwoWithin(rows)
  return Math.max(power / 2, rows - power)
}

/** @returns the largest that is not greater */
function powerOfTwoWithin(rows: number): number {
  return 2 ** (31 - Math.clz32(rows))
}
