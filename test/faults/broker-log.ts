/**
 * What Mosquitto's log (with `log_type debug`) says about one client: in which order messages went out and
 * acknowledgements came in, and how many were under way. It is the broker's own view of what the source has promised.
 */
export interface ClientView {
  readonly connections: number
  /** PUBACK and PUBREC that have come in. */
  readonly acknowledged: number
  /**
   * Packet ids whose acknowledgement came before that of an earlier message of the same QoS (MQTT 5 §4.6), or belongs
   * to no message of its connection.
   */
  readonly outOfOrder: readonly number[]
  /** The most messages that were under way at once. */
  readonly maxInFlight: number
}

/** @param log connections of the client that began before it are left out */
export function viewOf(log: string, clientId: string): ClientView {
  const quoted = clientId.replace(/[^\w-]/g, '\\$&')
  const began = new RegExp(`Sending CONNACK to ${quoted} `)
  const sent = new RegExp(`Sending PUBLISH to ${quoted} \\(d\\d, q([12]), r\\d, m(\\d+),`)
  const came = new RegExp(`Received (PUBACK|PUBREC) from ${quoted} \\(Mid: (\\d+)`)
  const outOfOrder: number[] = []
  let inFlight: Record<1 | 2, number[]> | undefined
  let [connections, acknowledged, maxInFlight] = [0, 0, 0]
  for (const line of log.split('\n')) {
    if (began.test(line)) {
      connections++
      inFlight = { 1: [], 2: [] }
    }
    const [, qos, sentId] = sent.exec(line) ?? []
    if (sentId !== undefined && inFlight !== undefined) {
      inFlight[qos === '1' ? 1 : 2].push(Number(sentId))
      maxInFlight = Math.max(maxInFlight, inFlight[1].length + inFlight[2].length)
    }
    const [, packet, cameId] = came.exec(line) ?? []
    if (cameId === undefined) continue
    acknowledged++
    const waiting = inFlight?.[packet === 'PUBACK' ? 1 : 2]
    if (waiting === undefined) continue
    const at = waiting.indexOf(Number(cameId))
    if (at !== 0) outOfOrder.push(Number(cameId))
    if (at >= 0) waiting.splice(at, 1)
  }
  return { connections, acknowledged, outOfOrder, maxInFlight }
}
