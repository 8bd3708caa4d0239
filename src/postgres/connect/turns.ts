/**
 * Who gets a connection next. Without it the batches of a Kafka topic with a hundred times the records, which is one
 * tenant where each has a topic, would stand in every place of the queue.
 *
 * Each lane (a topic) has a queue of its own. A free place goes to the lane that holds the fewest, among
 * these to the one that has waited longest for its last turn. While several lanes are in use, no lane holds all places:
 * the last one stays free for another, which then waits for no batch of the flood.
 */
export class Turns {
  private free: number
  private grants = 0
  private readonly lanes = new Map<string, Lane>()

  /** @param places how many may work at the same time */
  constructor(private readonly places: number) {
    this.free = places
  }

  /** Resolves when it is this lane's turn, with the function that gives the place back. */
  async take(name: string): Promise<() => void> {
    const lane = this.laneOf(name)
    await new Promise<void>((resolve) => {
      lane.waiting.push(resolve)
      this.grant()
    })
    return () => {
      lane.running--
      this.free++
      this.grant()
    }
  }

  private grant(): void {
    while (this.free > 0) {
      const lane = this.next()
      const start = lane?.waiting.shift()
      if (lane === undefined || start === undefined) return
      this.free--
      lane.running++
      lane.lastGrant = ++this.grants
      start()
    }
  }

  private next(): Lane | undefined {
    const others = this.lanesInUse() > 1
    let best: Lane | undefined
    for (const lane of this.lanes.values()) {
      if (lane.waiting.length === 0) continue
      if (others && lane.running > 0 && lane.running >= this.places - 1) continue
      const isBetter =
        best === undefined ||
        lane.running < best.running ||
        (lane.running === best.running && lane.lastGrant < best.lastGrant)
      if (isBetter) best = lane
    }
    return best
  }

  /** Lanes that work, wait, or have had a turn not long ago. */
  private lanesInUse(): number {
    let count = 0
    for (const lane of this.lanes.values()) {
      if (lane.waiting.length > 0 || lane.running > 0 || this.grants - lane.lastGrant < RECENT_GRANTS) count++
    }
    return count
  }

  private laneOf(name: string): Lane {
    const known = this.lanes.get(name)
    if (known !== undefined) return known
    if (this.lanes.size >= MAX_IDLE_LANES) this.forgetIdle()
    const lane: Lane = { waiting: [], running: 0, lastGrant: -Infinity }
    this.lanes.set(name, lane)
    return lane
  }

  private forgetIdle(): void {
    for (const [name, { waiting, running }] of this.lanes) {
      if (waiting.length === 0 && running === 0) this.lanes.delete(name)
    }
  }
}

interface Lane {
  readonly waiting: (() => void)[]
  running: number
  /** The number of its last turn. */
  lastGrant: number
}

/** A lane that has had none of this many turns is not waited for. */
const RECENT_GRANTS = 256

const MAX_IDLE_LANES = 1024
