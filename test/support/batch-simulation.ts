/**
 * A batch on its way through a split, a node that treats each record in its own way and time, a join, and a sink by ledger;
 * with a source that sends again what has failed. It keeps count of what becomes of each record. For the model test of the join.
 */
import assert from 'node:assert/strict'
import { BatchJoin } from '../../src/delivery/batch/batch-join'
import { BatchSplit } from '../../src/delivery/batch/batch-split'
import type { Settlement } from '../../src/delivery/delivery'
import { linkFailure } from '../../src/delivery/message-link'
import { receive } from '../../src/delivery/sinks/receipt'
import { DeliveryTracker } from '../../src/delivery/tracker'
import { SinkIntake } from '../../src/postgres/sink/sink-intake'
import type { TableSink } from '../../src/postgres/sink/table-sink'
import type { WriteRequest } from '../../src/postgres/sink/write-request'
import { halves, withoutStored } from '../../src/kafka/consume/consumed-message'
import type { ConsumedRecord } from '../../src/kafka/driver'
import { asPipelineError, PipelineError } from '../../src/wire/errors'
import { recordsOf, type Message } from '../../src/wire/message'

export const TREATMENTS = [
  'pass',
  'drop',
  'double',
  'rebuild',
  'failOnce',
  'failForGood',
  /** The flow forks: one copy comes to the join, and another one fails, at the first attempt. */
  'forkFailsOnce',
  /** It fails, and a dead letter after a Catch node stores it. */
  'die',
  /** It fails, and a Catch node leads it to the join. */
  'recover',
  /** The node says nothing, at the first attempt. */
  'swallowOnce',
  /** The node says done, and sends the message later, at the first attempt. */
  'lateOnce',
] as const
export type Treatment = (typeof TREATMENTS)[number]

/** What becomes of one record between split and join, and after how many turns. */
export interface Step {
  readonly treatment: Treatment
  readonly turns: number
}

/** How often a record has become a row, a dead letter, or an error that a Catch node could have had. */
export interface Outcome {
  rows: number
  dead: number
  refused: number
}

interface Part {
  readonly records: readonly ConsumedRecord[]
  readonly firstOffset: number
  readonly nextOffset: number
}

const TIMEOUT_TURNS = 60
const MAX_ATTEMPTS = 60
const [between, dead, joinNode, splitNode, sinkNode] = ['between', 'dead', 'join', 'split', 'sink'].map(
  (id) => ({ id }),
) as [{ id: string }, { id: string }, { id: string }, { id: string }, { id: string }]
const quiet = { notePassed: () => undefined, noteUnbatched: () => undefined, noteLate: () => undefined }

export class BatchSimulation {
  readonly outcomes: Outcome[]
  /** How often each record has been in a batch of one delivery. */
  readonly inBatch = new Map<string, number>()
  private readonly tracker: DeliveryTracker
  private readonly split: BatchSplit
  private readonly join: BatchJoin
  private readonly sink: SinkIntake
  private readonly seen = new Set<number>()
  private turn = 0
  private position = 0
  private deliveries = 0

  constructor(private readonly steps: readonly Step[]) {
    this.outcomes = steps.map(() => ({ rows: 0, dead: 0, refused: 0 }))
    const tracker = new DeliveryTracker({ now: () => this.turn, nextMacrotask: setImmediate })
    this.tracker = tracker
    const describe = ({ message }: PipelineError) => ({
      message,
      source: { id: 'split', type: 'tenant-batch' },
    })
    this.split = new BatchSplit({
      tracker,
      nodeId: 'split',
      clone: (m) => ({ ...m }),
      describe,
      notes: quiet,
    })
    this.join = new BatchJoin({ tracker, node: joinNode, send: (batch) => this.store(batch), notes: quiet })
    this.sink = new SinkIntake({
      tracker,
      sink: { write: (request: WriteRequest) => this.write(request) } as unknown as TableSink,
      exactlyOnce: 'ledger',
      node: sinkNode,
      ledger: 'table',
      onLate: () => undefined,
    })
  }

  /** Runs the batch to its end, and until nothing is on the way any more. */
  async run(): Promise<void> {
    const records = this.steps.map((_step, offset) => ({ offset }) as ConsumedRecord)
    let isOver = false
    const settling = this.settle({ records, firstOffset: 0, nextOffset: records.length }).finally(() => {
      isOver = true
    })
    for (let spare = TIMEOUT_TURNS; spare > 0; spare -= isOver ? 1 : 0) {
      this.turn++
      this.tracker.failStalled()
      await new Promise(setImmediate)
    }
    await settling
    assert.equal(this.tracker.size, 0)
    assert.equal(this.join.waiting, 0)
  }

  // ---- the source ------------------------------------------------------------------------------------------

  /** As a consumer does it: again after a transient failure, in halves after another, and at last to the dead letters. */
  private async settle(part: Part): Promise<void> {
    let due = part
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const { outcome, error, stored, isLeftOut } = await this.emit(due)
      if (stored !== undefined) due = withoutStored(due, stored)
      if (outcome !== 'failed') return
      if (error?.retryable === true) continue
      const parts = isLeftOut === true ? [] : halves(due)
      if (parts.length < 2) {
        for (const { offset } of due.records) this.outcomeOf(offset).dead++
        return
      }
      for (const half of parts) await this.settle(half)
      return
    }
    assert.fail('it never ends')
  }

  private emit({ records, firstOffset, nextOffset }: Part): Promise<Settlement> {
    const kafka = { clusterId: 'c', group: 'g', topic: 't', partition: 0, firstOffset, nextOffset }
    return new Promise((onSettled) =>
      this.tracker.emit({
        id: `d${this.deliveries++}`,
        nodeId: 'source',
        timeoutMs: TIMEOUT_TURNS,
        compose: () => ({
          batch: true,
          kafka,
          payload: records.map(({ offset }) => ({ payload: offset, kafka: { offset } })),
        }),
        send: (message) => this.arrive(message, splitNode, () => this.splitUp(message)),
        onSettled,
      }),
    )
  }

  // ---- the flow --------------------------------------------------------------------------------------------

  /** Sends a message to a node, which has it in the next turn. */
  private arrive(message: Message, node: { id: string }, take: () => void): void {
    const delivery = this.tracker.find(message)
    if (delivery !== undefined) {
      this.tracker.copySent(delivery)
      this.tracker.copyPlaced(delivery, node)
    }
    setImmediate(() => {
      if (delivery !== undefined) this.tracker.copyReceived(delivery, node)
      take()
    })
  }

  private end(message: Message, node: { id: string }, error?: Error): void {
    const delivery = this.tracker.find(message)
    if (delivery === undefined) return
    if (error !== undefined) this.tracker.openFailure(delivery, node.id, asPipelineError(error), message)
    this.tracker.copyEnded(delivery, node)
  }

  private splitUp(message: Message): void {
    this.split.receive(
      message,
      (part) => this.arrive(part, between, () => this.treat(part)),
      (error) => this.end(message, splitNode, error),
    )
  }

  private treat(message: Message): void {
    const offset = message.payload as number
    const { treatment, turns } = this.steps[offset] as Step
    const isFirst = !this.seen.has(offset)
    this.seen.add(offset)
    if (treatment === 'lateOnce' && isFirst) this.end(message, between)
    const at = this.turn + turns
    const act = (): void => {
      if (this.turn < at) setImmediate(act)
      else this.act(message, isFirst ? treatment : laterOf(treatment))
    }
    act()
  }

  private act(message: Message, treatment: Treatment): void {
    const toJoin = (sent: Message): void => this.arrive(sent, joinNode, () => this.toJoin(sent))
    switch (treatment) {
      case 'swallowOnce':
        return
      case 'lateOnce':
        return toJoin(message)
      case 'pass':
        toJoin(message)
        break
      case 'double':
        toJoin(message)
        toJoin({ ...message })
        break
      case 'rebuild':
        // Node-RED gives it the id of the message that the node has received.
        toJoin({ payload: message.payload, _msgid: message._msgid as string })
        break
      case 'failOnce':
        return this.end(message, between, new PipelineError('NO', 'not now', { retryable: true }))
      case 'forkFailsOnce':
        toJoin({ ...message })
        return this.end(message, between, new PipelineError('NO', 'not now', { retryable: true }))
      case 'failForGood':
        return this.end(message, between, new PipelineError('NO', 'never', { retryable: false }))
      case 'die':
        return this.fail(message, (caught) => this.arrive(caught, dead, () => this.toDead(caught)))
      case 'recover':
        return this.fail(message, toJoin)
      case 'drop':
    }
    this.end(message, between)
  }

  /** A Catch node gets the message, with its failure. */
  private fail(message: Message, caughtBy: (caught: Message) => void): void {
    const delivery = this.tracker.find(message)
    const caught = { ...message, error: { message: 'no', source: { id: 'between' } } }
    if (delivery !== undefined) {
      const error = new PipelineError('NO', 'no', { retryable: false })
      linkFailure(caught, this.tracker.openFailure(delivery, 'between', error, message))
      // The Catch node has it after the failure.
      this.tracker.copyEnded(delivery, between)
    }
    caughtBy(caught)
  }

  private toDead(message: Message): void {
    const receipt = receive(this.tracker, message)
    const at = this.turn + 3
    const store = (): void => {
      if (this.turn < at) return void setImmediate(store)
      if (receipt !== undefined) this.outcomeOf(message.payload as number).dead++
      receipt?.confirm()
      this.end(message, dead)
    }
    store()
  }

  private toJoin(message: Message): void {
    try {
      this.join.receive(
        message,
        () => assert.fail('each belongs to a batch'),
        () => this.end(message, joinNode),
      )
    } catch (thrown) {
      assert.equal((thrown as PipelineError).code, 'LATE_COPY')
      // Its delivery is over: nothing but the error tells of it. Otherwise its source does something about it.
      if (this.tracker.find(message)?.settled !== undefined)
        this.outcomeOf(message.payload as number).refused++
      this.end(message, joinNode, thrown as Error)
    }
  }

  private store(batch: Message): void {
    const delivery = this.tracker.find(batch)
    for (const { payload } of recordsOf(batch)) {
      const name = `${delivery?.id} ${String(payload)}`
      this.inBatch.set(name, (this.inBatch.get(name) ?? 0) + 1)
    }
    this.arrive(batch, sinkNode, () => {
      void this.sink.receive(batch, (error) => this.end(batch, sinkNode, error))
    })
  }

  /** As the ledger does it: what is before the position has been written. */
  private async write(request: WriteRequest): Promise<{ readonly rejected: readonly [] }> {
    assert.ok(request.way === 'range')
    const { firstOffset, nextOffset } = request.range
    await new Promise(setImmediate)
    if (this.position >= nextOffset) return { rejected: [] }
    assert.ok(this.position <= firstOffset, 'a range never begins before the position and ends after it')
    const payloads = request.records.map(({ payload }) => payload as number)
    assert.deepEqual(
      payloads,
      payloads.toSorted((a, b) => a - b),
      'in the order of the batch',
    )
    for (const { payload } of request.records) this.outcomeOf(payload as number).rows++
    this.position = nextOffset
    return { rejected: [] }
  }

  private outcomeOf(offset: number): Outcome {
    return this.outcomes[offset] as Outcome
  }
}

function laterOf(treatment: Treatment): Treatment {
  if (treatment === 'forkFailsOnce') return 'double'
  return ['failOnce', 'swallowOnce', 'lateOnce'].includes(treatment) ? 'pass' : treatment
}
