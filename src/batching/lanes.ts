/**
 * All lanes of one writer: one for each topic and partition, made when it is first needed and dropped when there are
 * many and it is idle. It counts what they hold, knows what keeps them from writing, and flushes them together.
 */
import { distributionOf, type Distribution } from '../watch/distribution'
import type { PipelineError } from '../wire/errors'
import { Lane, type Completion, type Held, type FlushReason, type LaneOptions } from './lane'

/** Above this number of lanes the idle ones are dropped; those that hold records stay. */
const MANY_LANES = 1000

export interface LanesOptions<T> extends Pick<LaneOptions<T>, 'limits' | 'backoff' | 'refusalOf' | 'clock'> {
  readonly write: (topic: string, partition: number, records: readonly T[]) => Promise<unknown>
}

export class Lanes<T> {
  private readonly byTopic = new Map<string, Map<number, Lane<T>>>()
  /** Lanes that may have a batch that gathers: only they are flushed. */
  private readonly gathering = new Set<Lane<T>>()
  private readonly problems = new Map<Lane<T>, PipelineError>()
  private readonly flushes = new Map<FlushReason, Distribution>()
  private lanes = 0
  /** From here on the idle ones are looked for; twice what was left the last time, so that few records pay for it. */
  private manyLanes = MANY_LANES
  private records = 0
  private bytes = 0

  constructor(private readonly options: LanesOptions<T>) {}

  /** Records that are not stored yet. */
  get heldRecords(): number {
    return this.records
  }

  get heldBytes(): number {
    return this.bytes
  }

  /** What keeps one of the lanes from writing. */
  get problem(): PipelineError | undefined {
    return this.problems.values().next().value
  }

  /** How many lanes there are, idle ones among them. */
  get size(): number {
    return this.lanes
  }

  /** Records in a batch, by what closed it. */
  get batches(): ReadonlyMap<FlushReason, Distribution> {
    return this.flushes
  }

  add(topic: string, partition: number, record: T, bytes: number, completion: Completion): void {
    this.records++
    this.bytes += bytes
    const lane = this.laneOf(topic, partition)
    this.gathering.add(lane)
    lane.add(record, bytes, completion)
  }

  flush(reason: FlushReason): void {
    const lanes = [...this.gathering]
    this.gathering.clear()
    for (const lane of lanes) lane.flush(reason)
  }

  /** Fails all that is held. What is out may be stored all the same. */
  abandon(error: PipelineError): void {
    for (const lanes of this.byTopic.values()) for (const lane of lanes.values()) lane.abandon(error)
    this.byTopic.clear()
    this.gathering.clear()
    this.problems.clear()
    this.lanes = 0
  }

  /** Hands over what the lanes of a topic hold from this partition on, each lane in its order, and drops them. */
  takeFrom(topic: string, firstPartition: number): (Held<T> & { readonly partition: number })[] {
    const lanes = this.byTopic.get(topic)
    if (lanes === undefined) return []
    return [...lanes].flatMap(([partition, lane]) => {
      if (partition < firstPartition) return []
      lanes.delete(partition)
      this.gathering.delete(lane)
      this.lanes--
      return lane.takeAll().map((held) => ({ ...held, partition }))
    })
  }

  private laneOf(topic: string, partition: number): Lane<T> {
    let lanes = this.byTopic.get(topic)
    if (lanes === undefined) {
      lanes = new Map()
      this.byTopic.set(topic, lanes)
    }
    let lane = lanes.get(partition)
    if (lane === undefined) {
      if (this.lanes >= this.manyLanes) this.dropIdle()
      lane = this.open(topic, partition)
      lanes.set(partition, lane)
      this.byTopic.set(topic, lanes)
      this.lanes++
    }
    return lane
  }

  private open(topic: string, partition: number): Lane<T> {
    const { write, limits, backoff, refusalOf, clock } = this.options
    const lane: Lane<T> = new Lane({
      limits,
      backoff,
      refusalOf,
      clock,
      write: (records) => write(topic, partition, records),
      onProblem: (problem) => {
        if (problem === undefined) this.problems.delete(lane)
        else this.problems.set(lane, problem)
      },
      // One request can carry them all, and a lane that has waited for less is served sooner.
      onLingerOver: () => this.flush('linger'),
      onFlush: (reason, records) => distributionOf(this.flushes, reason).add(records),
      onReleased: (records, bytes) => this.release(records, bytes),
    })
    return lane
  }

  private release(records: number, bytes: number): void {
    this.records -= records
    this.bytes -= bytes
  }

  private dropIdle(): void {
    for (const [topic, lanes] of this.byTopic) {
      for (const [partition, lane] of lanes) {
        if (!lane.idle) continue
        lanes.delete(partition)
        this.gathering.delete(lane)
        this.lanes--
      }
      if (lanes.size === 0) this.byTopic.delete(topic)
    }
    this.manyLanes = Math.max(MANY_LANES, 2 * this.lanes)
  }
}
