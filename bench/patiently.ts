/** Kafka about a topic that was created a moment ago: kafkajs gives up at once when a partition has no leader yet. */
import { setTimeout as sleep } from 'node:timers/promises'

const LIMIT_MS = 60_000
const PAUSE_MS = 100

/** Asks again while Kafka says that it may be asked again. */
export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + LIMIT_MS
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if ((error as { retriable?: boolean }).retriable !== true || performance.now() > giveUpAt) throw error
      await sleep(PAUSE_MS)
    }
  }
}
