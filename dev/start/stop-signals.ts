/**
 * Ctrl-C: the first time asks for an orderly end, the second time not to wait for the last messages, the third
 * time ends at once. npm passes a signal on which the terminal has sent to all processes already, so two within
 * a moment are one.
 */
const SAME_SIGNAL_MS = 500

export interface StopSignals {
  readonly asked: AbortSignal
  readonly impatient: AbortSignal
}

export function listenForStop(): StopSignals {
  const asked = new AbortController()
  const impatient = new AbortController()
  let lastMs = -Infinity
  const onSignal = (): void => {
    if (performance.now() - lastMs < SAME_SIGNAL_MS) return
    lastMs = performance.now()
    if (impatient.signal.aborted) process.exit(130)
    if (asked.signal.aborted) impatient.abort()
    asked.abort()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  return { asked: asked.signal, impatient: impatient.signal }
}
