/** Measures the sides of a row in turn, round after round. Knows nothing of what is measured. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { CalmWatch } from './calm'
import type { Figures } from './report/figures'
import { medians } from './report/statistics'
import type { Measuring, Row, RowResult, Side, SideResult } from './row'
import type { Stage } from './stage'

const LIMIT_MS = 5 * 60_000
/** What is cut off has this long to stop its processes; the stage stops the services anyway. */
const GIVE_UP_MS = 30_000

export interface RowRun {
  readonly stage: Stage
  readonly signal: AbortSignal
  readonly quick: boolean
  readonly rounds: number
  /** Looks how quiet the machine is. */
  readonly calm: Pick<CalmWatch, 'look' | 'result'>
  readonly progress: (text: string) => void
}

/** The sides that a run measures. */
export function sidesOf(row: Row, quick: boolean): readonly Side[] {
  return row.sides.filter((side) => !quick || side.quick === true)
}

/**
 * A measurement that fails ends the row, with the reason in the result, and not the run.
 * @throws the signal's reason when it is aborted
 */
export async function runRow(row: Row, run: RowRun): Promise<RowResult> {
  const { calm } = run
  const sides = sidesOf(row, run.quick)
  const rounds = Math.min(row.rounds ?? run.rounds, run.rounds)
  const measured = new Map<string, Figures[]>(sides.map(({ name }) => [name, []]))
  const limited = (): Measuring => ({
    stage: run.stage,
    signal: AbortSignal.any([run.signal, AbortSignal.timeout(row.limitMs ?? LIMIT_MS)]),
    size: (whole, quick) => (run.quick ? quick : whole),
  })
  let failed: string | undefined
  try {
    run.progress('preparing')
    const opening = limited()
    const measure = await orGiveUp(row.open(opening), opening.signal)
    for (let round = 1; round <= rounds; round++) {
      for (const side of sides) {
        if (side.missing?.() !== undefined) continue
        run.progress(`round ${round} of ${rounds}: ${side.name}`)
        await calm.look(run.signal)
        const measuring = limited()
        measured.get(side.name)!.push(await orGiveUp(measure(side, measuring), measuring.signal))
      }
    }
  } catch (error) {
    run.signal.throwIfAborted()
    failed = (error as Error).message
  } finally {
    await run.stage.endRow()
  }
  return {
    name: row.name,
    rounds,
    quick: run.quick,
    sides: sides.map((side) => resultOf(side, measured.get(side.name)!)),
    machine: calm.result(),
    ...(failed !== undefined && { failed }),
  }
}

function resultOf({ name, peer, missing }: Side, rounds: readonly Figures[]): SideResult {
  const why = missing?.()
  return {
    name,
    peer: peer === true,
    figures: medians(rounds),
    rounds,
    ...(why !== undefined && { missing: why }),
  }
}

/** What does not look at its signal is left alone after a while, so that a run always ends. */
async function orGiveUp<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const settled = work.then(
    () => undefined,
    () => undefined,
  )
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await Promise.race([settled, aborted])
  if (signal.aborted) {
    await Promise.race([settled, sleep(GIVE_UP_MS, undefined, { ref: false })])
    throw new Error('it took too long', { cause: signal.reason })
  }
  return work
}
