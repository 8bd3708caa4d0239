/** The live line of `npm start`. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Simulator } from '../simulator/simulator'
import type { Counts, PipelineCounts } from './counts'
import type { Terminal } from './terminal'

const INTERVAL_MS = 1000
/** Counting rows may take this share of the database's time, also when the table has grown large. */
const COUNTING_SHARE = 0.05

/** Shows counts until the signal; a service that does not answer is shown instead of its number. */
export async function showLive(
  terminal: Terminal,
  counts: PipelineCounts,
  simulator: Simulator | undefined,
  signal: AbortSignal,
): Promise<void> {
  let pauseMs = INTERVAL_MS
  let last = { published: 0, atMs: performance.now() }
  while (!signal.aborted) {
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    const startedAtMs = performance.now()
    const read = await counts.read().catch((error: Error) => error)
    const tookMs = performance.now() - startedAtMs
    const published = simulator?.ledger.acknowledged ?? 0
    const perSecond = ((published - last.published) * 1000) / (startedAtMs - last.atMs)
    last = { published, atMs: startedAtMs }
    terminal.live(liveText(published, read, perSecond))
    pauseMs = Math.max(INTERVAL_MS, tookMs / COUNTING_SHARE)
  }
}

function liveText(published: number, read: Counts | Error, perSecond: number): string {
  const shown = (count: number): string => count.toLocaleString('en-US')
  const rest =
    read instanceof Error
      ? `no answer from Kafka or PostgreSQL (${read.message})`
      : `in Kafka ${shown(read.inKafka)} · stored ${shown(read.stored)} · dead letters ${shown(read.deadLetters)}`
  return `published ${shown(published)} · ${rest} · ${shown(Math.round(perSecond))} msg/s`
}
