/**
 * Finds the rows that PostgreSQL refuses, and writes all others, with few statements: for k bad rows among n at
 * most k · (2 + log2 n) + 1 when each attempt tells only yes or no, fewer when it names the row.
 *
 * In prose: write all. When that fails, look for the first bad row by halves: a half that passes is written and
 * done with, a half that fails is searched on. The row found is tried alone, and is bad only if it fails alone.
 * Then go on behind it. After two bad rows side by side the next is tried alone, so that nothing but bad rows costs
 * one statement each.
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

/** After a fault that named its row, as many rows are tried at once, so that many bad rows cost no full resend. */
const FIRST_WINDOW = 64

/** After so many bad rows side by side the next one is expected to be bad. */
const BAD_RUN = 2

/**
 * @param write tries the rows `from` up to, not including, `to`, and leaves no trace of them when they fail
 */
export async function bisect<E>(
  count: number,
  write: (from: number, to: number) => Promise<Fault<E> | undefined>,
): Promise<BadRow<E>[]> {
  const bad: BadRow<E>[] = []
  let from = 0
  let window = count
  let run = 0
  while (from < count) {
    const expectsBad = run >= BAD_RUN
    const to = expectsBad ? from + 1 : Math.min(count, from + window)
    const fault = await write(from, to)
    if (fault === undefined) {
      from = to
      run = 0
      if (!expectsBad) window *= 4
      continue
    }
    const { index, error } = await firstBadRow(from, to, fault, write)
    run = error === undefined ? 0 : index === from ? run + 1 : 1
    if (error !== undefined) bad.push({ index, error })
    window = fault.row === undefined ? count : Math.max(FIRST_WINDOW, 4 * (index - from))
    from = index + 1
  }
  return bad
}

/** @returns `error` is undefined when the row passes alone: it failed only together with rows that are done with now */
async function firstBadRow<E>(
  from: number,
  to: number,
  fault: Fault<E>,
  write: (from: number, to: number) => Promise<Fault<E> | undefined>,
): Promise<{ index: number; error: E | undefined }> {
  let [low, high] = [from, to]
  let known: Fault<E> | undefined = fault // of exactly the rows from `low` to `high`
  while (high - low > 1) {
    const named: number | undefined = known?.row
    if (named === 0) {
      high = low + 1
      known = undefined
      break
    }
    const middle =
      named !== undefined && named < high - low ? low + named : low + Math.floor((high - low) / 2)
    const result: Fault<E> | undefined = await write(low, middle)
    if (result !== undefined) {
      high = middle
      known = result
    } else {
      if (named !== undefined) high = middle + 1
      low = middle
      known = undefined
    }
  }
  known ??= await write(low, high)
  return { index: low, error: known?.error }
}
