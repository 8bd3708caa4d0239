/** What a test asks of the readings of simulated devices, in the order in which they are stored. */
export interface SequenceReport {
  /** Different readings. */
  readonly distinct: number
  /** Readings beyond the first of a device and sequence number. */
  readonly repeated: number
  /** Devices whose readings are first seen in another order than they were sent. */
  readonly disordered: string[]
}

export interface Reading {
  readonly device: string
  readonly seq: number
}

export function reportSequences(readings: Iterable<Reading>): SequenceReport {
  const seen = new Map<string, Set<number>>()
  const highest = new Map<string, number>()
  const disordered = new Set<string>()
  let repeated = 0
  for (const { device, seq } of readings) {
    const seqs = seen.get(device) ?? new Set()
    seen.set(device, seqs)
    if (seqs.has(seq)) {
      repeated++
      continue
    }
    seqs.add(seq)
    if (seq < (highest.get(device) ?? 0)) disordered.add(device)
    highest.set(device, seq)
  }
  const distinct = [...seen.values()].reduce((sum, seqs) => sum + seqs.size, 0)
  return { distinct, repeated, disordered: [...disordered] }
}

/** The reading in a payload of the simulator, when it is of this run. */
export function readingOfRun(
  topic: string,
  payload: Buffer | string | null,
  runId: string,
): [Reading] | readonly [] {
  const { seq, run } = JSON.parse(String(payload)) as { seq: number; run: string }
  return run === runId ? [{ device: topic, seq }] : []
}
