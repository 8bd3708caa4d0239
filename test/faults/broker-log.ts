/**
 * What Mosquitto's log (with `log_type debug`) says about one client: in which order messages went out and
 * acknowledgements came in, and how many were under way. It is the broker's own view of what the source has promised.
 */
export interface ClientView {
  /** PUBACK and PUBREC that have come in. */
  readonly acknowledged: number
  /** Packet ids whose acknowledgement came before that of an earlier message. */
  readonly outOfOrder: readonly number[]
  /** The most messages that were under way at once. */
  readonly maxInFlight: number
}

/** @param log only of the time that is of interest; connections of the client that began before are left out */
export function viewOf(log: string, clientId: string): ClientView {
  const [quoted, outOfOrder] = [clientId.replace(/[^\w-]/g, '\\$&'), [] as number[]]
  const sent = new RegExp(`Sending PUBLISH to ${quoted} \\(d\\d, q[12], r\\d, m(\\d+),`)
  const came = new RegExp(`Received (?:PUBACK|PUBREC) from ${quoted} \\(Mid: (\\d+)`)
  const began = new RegExp(`Sending CONNACK to ${quoted} `)
  let inFlight: number[] | undefined
  let [acknowledged, maxInFlight] = [0, 0]
  for (const line of log.split('\n')) {
    if (began.test(line)) inFlight = []
    const out = sent.exec(line)?.[1]
    if (out !== undefined) inFlight?.push(Number(out))
    maxInFlight = Math.max(maxInFlight, inFlight?.length ?? 0)
    const id = came.exec(line)?.[1]
    if (id === undefined) continue
    acknowledged++
    if (inFlight === undefined) continue
    const at = inFlight.indexOf(Number(id))
    if (at !== 0) outOfOrder.push(Number(id))
    inFlight.splice(Math.max(at, 0), at < 0 ? 0 : 1)
  }
  return { acknowledged, outOfOrder, maxInFlight }
}
