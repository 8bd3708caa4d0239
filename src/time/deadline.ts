/**
 * Node-RED waits 15 s (`nodeCloseTimeout`) for a node to close and then starts the new flow regardless. Our
 * nodes drain within this time and then cut hard, so that two instances never work side by side.
 */
export const CLOSE_BUDGET_MS = 13_000

/** Resolves to true when the work ended in time (also with an error), to false when the time was over first. */
export async function settlesWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const timeUp = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  const ended = work.then(
    () => true as const,
    () => true as const,
  )
  try {
    return await Promise.race([ended, timeUp])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Waits for the work until the signal is aborted. `Promise.race` against one long-lived promise would keep a reaction
 * for each piece of work until the node closes; here nothing is left behind.
 * @returns false when the signal was first
 * @throws what the work throws
 */
export function endsBefore(work: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const abandon = (): void => resolve(false)
    if (signal.aborted) abandon()
    else signal.addEventListener('abort', abandon)
    void work.then(() => resolve(true), reject).finally(() => signal.removeEventListener('abort', abandon))
  })
}
