/**
 * Sends dead letters from their table through the flow again, when asked to, or lists them.
 *
 * A replay first finds the letters that it will send, the oldest first, so that what fails again meanwhile
 * belongs to a later replay. It sends them in groups. When every letter of a group is settled it marks the group, and
 * only then sends the next; so a process that ends in the middle sends at most one group again. A letter has one attempt
 * in a replay: what the flow has failed stays in the table as it is, for another one, until it has failed as often
 * as is allowed.
 *
 * Longer than most files here: a replay is one sequence with many ends, and its counts belong to it.
 */
import { drain } from '../../delivery/drain'
import type { Settlement } from '../../delivery/delivery'
import { FlowCheck } from '../../delivery/flow/flow-check'
import type { FlowTracking } from '../../delivery/flow/flow-tracking'
import type { Message } from '../../wire/message'
import { CLOSE_BUDGET_MS, endsBefore, settlesWithin } from '../../time/deadline'
import { Counts } from '../../watch/counts'
import { PipelineError } from '../../wire/errors'
import type { Database } from '../connect/database'
import type { DeadLetterFilter } from './dead-letter-filter'
import type { TableName } from '../connect/identifiers'
import { groupsOf, inOrder, listLetters, type ListedLetters } from './list-letters'
import { prepareReplay } from './prepare-replay'
import type { ReplayEvents } from './replay-events'
import type { ReplayTables } from './replay-marks'
import { addUp, isOver, nothingYet, type Replayed, type ReplayReport } from './replay-report'
import { retryForEver } from '../../batching/retry'
import {
  countAttempt,
  countLeft,
  type DeadLetterRow,
  findReplayable,
  markReplayed,
  readDeadLetters,
} from './replay-statements'
import { replayMessage } from './stored-dead-letter'

/** Payloads that are in memory for one group; the first letter always fits. */
const MAX_GROUP_BYTES = 8 * 1024 * 1024
/** What is left for marking what has ended, of the time that Node-RED gives a node to close. */
const MARK_BUDGET_MS = 3_000

export interface DeadLetterSourceOptions {
  readonly nodeId: string
  readonly database: Database
  readonly table: TableName
  /** Where it says so: a sink of the same database marks letters there. */
  readonly replayTables: ReplayTables
  /** Create the table, and bring one of an earlier version up to date. */
  readonly createTable: boolean
  /** Letters that have failed this often are not sent again. */
  readonly maxAttempts: number
  /** Letters in the flow at a time. */
  readonly windowLetters: number
  readonly deliveryTimeoutMs: number
}

export interface DeadLetterSourceHost {
  readonly tracking: FlowTracking
  /** To the first output. */
  send(message: Message): void
  /** Whether the first output leads anywhere. */
  isWired(): boolean
  /** A fresh message id. */
  readonly newId: () => string
  /** Something that `report`, `problem` or `out` say has changed. */
  onChange(): void
  readonly events: ReplayEvents
}

export class DeadLetterSource {
  /** The replay that is under way, or the last one. */
  report: ReplayReport | undefined
  running = false
  /** Letters that have ended in the flow since the deploy. */
  readonly replayed = new Counts()
  /** What stalls a replay. */
  problem: PipelineError | undefined
  private readonly stopping = new AbortController()
  /** After this nothing is marked any more. */
  private readonly cut = new AbortController()
  /** Ends the waiting for letters that are out. */
  private readonly abandoned = new AbortController()
  private current: Promise<unknown> = Promise.resolve()
  private atGate: (() => void)[] = []
  private readonly flowCheck: FlowCheck
  private readonly releaseTracking: () => void

  constructor(
    private readonly options: DeadLetterSourceOptions,
    private readonly host: DeadLetterSourceHost,
  ) {
    const { tracking, events } = host
    options.replayTables.set(options.nodeId, options.table)
    this.flowCheck = new FlowCheck(
      options.nodeId,
      () => tracking.flowConfigs(),
      (problem) => events.noteFlow(problem),
    )
    this.releaseTracking = tracking.acquire(() => {
      this.flowCheck.check()
      this.passGate()
    })
  }

  /** See `listLetters`. @throws PipelineError */
  list(filter: DeadLetterFilter): Promise<ListedLetters> {
    const { database, table, createTable } = this.options
    return listLetters(database, table, filter, createTable)
  }

  /**
   * Resolves when every letter that was found has ended in the flow, or the node closes.
   * @throws PipelineError when it cannot begin
   */
  async replay(filter: DeadLetterFilter): Promise<ReplayReport> {
    this.assertReady()
    this.running = true
    const run = this.run(filter).finally(() => {
      this.running = false
      this.host.onChange()
    })
    this.current = run
    return run
  }

  /** @throws PipelineError when a replay cannot begin now */
  assertReady(): void {
    if (this.running) throw underWay()
    if (!this.host.isWired()) throw unwired()
  }

  /** Stops sending, waits for what sinks hold, and marks it. What is left is sent again by the next replay. */
  async close(): Promise<void> {
    const { tracking } = this.host
    this.stopping.abort()
    this.passGate()
    await drain(tracking.tracker, this.options.nodeId, CLOSE_BUDGET_MS - MARK_BUDGET_MS)
    tracking.tracker.abandon(this.options.nodeId)
    this.abandoned.abort()
    await settlesWithin(this.current, MARK_BUDGET_MS)
    this.cut.abort()
    this.releaseTracking()
  }

  private async run(filter: DeadLetterFilter): Promise<ReplayReport> {
    const { database, table, createTable, maxAttempts, windowLetters } = this.options
    await prepareReplay(database, table, createTable)
    const [found, left] = await database.withClient('looking for dead letters', async (client) => [
      await findReplayable(client, table, filter, maxAttempts),
      await countLeft(client, table, filter, maxAttempts),
    ])
    this.note(nothingYet(found.length, left))
    for (const group of groupsOf(found, windowLetters, MAX_GROUP_BYTES)) {
      if (this.stopping.signal.aborted) break
      const rows = await this.untilDone(() =>
        database.withClient('reading dead letters', (client) =>
          inOrder(group, (ids) => readDeadLetters(client, table, ids)),
        ),
      )
      // Another node may have replayed some of them meanwhile.
      const open = rows?.filter(({ replayed_at }) => replayed_at === null) ?? []
      const ended = await this.sendGroup(open)
      await this.untilDone(() => this.mark(ended))
      for (const one of ended) this.host.events.noteEnded(one)
      this.note(addUp(this.report as ReplayReport, ended, group.length - open.length))
    }
    const report = this.report as ReplayReport
    this.host.events.noteReport(report, !isOver(report))
    return report
  }

  private note(report: ReplayReport): void {
    this.report = report
    this.host.onChange()
  }

  // ---- one group -----------------------------------------------------------------------------------------

  /** Resolves when all of them are settled; when the node closes, with those that were settled in time. */
  private async sendGroup(rows: readonly DeadLetterRow[]): Promise<readonly Replayed[]> {
    const ended: Replayed[] = []
    const sent = rows.map(async (row) => {
      if (!this.host.tracking.gateOpen) await new Promise<void>((resolve) => this.atGate.push(resolve))
      if (this.stopping.signal.aborted) return
      const { outcome, error } = await this.send(row)
      this.replayed.add(outcome)
      ended.push({ id: row.id, tenant: row.tenant_id ?? undefined, outcome, error })
    })
    await endsBefore(Promise.all(sent), this.abandoned.signal)
    return ended
  }

  private send(row: DeadLetterRow): Promise<Settlement> {
    const { nodeId, deliveryTimeoutMs } = this.options
    const { tracking, newId } = this.host
    return new Promise((onSettled) =>
      tracking.tracker.emit({
        id: newId(),
        nodeId,
        timeoutMs: deliveryTimeoutMs,
        compose: () => replayMessage(row, nodeId),
        send: (message) => this.host.send(message),
        onSettled,
      }),
    )
  }

  private async mark(ended: readonly Replayed[]): Promise<void> {
    const { database, table } = this.options
    const replayed = ended.flatMap(({ id, outcome }) => (outcome === 'failed' ? [] : [{ id, outcome }]))
    const failed = ended.filter(countsAsAttempt).map(({ id }) => id)
    if (replayed.length + failed.length === 0) return
    await database.transaction(`marking dead letters in "${table.table}"`, async (client) => {
      await markReplayed(client, table, replayed)
      await countAttempt(client, table, failed)
    })
  }

  // ---- what all of it needs ------------------------------------------------------------------------------

  /** Undefined when the node closes before. @throws PipelineError that no other attempt fixes */
  private async untilDone<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await retryForEver(work, {
        signal: this.cut.signal,
        onProblem: (problem) => this.setProblem(problem),
      })
    } catch (error) {
      if (this.cut.signal.aborted) return undefined
      throw error
    } finally {
      this.setProblem(undefined)
    }
  }

  private setProblem(problem: PipelineError | undefined): void {
    this.problem = problem
    this.host.events.noteDatabase(problem)
    this.host.onChange()
  }

  private passGate(): void {
    for (const pass of this.atGate.splice(0)) pass()
  }
}

/**
 * A failure counts unless it is one that our own nodes call passing, such as a deploy: an outage must not use up the
 * attempts of all letters. What a node of another package throws is not known.
 */
function countsAsAttempt({ outcome, error }: Replayed): boolean {
  if (outcome !== 'failed') return false
  return error?.retryable !== true || error.code === 'NODE_FAILED' || error.code === 'DELIVERY_STALLED'
}

function underWay(): PipelineError {
  return new PipelineError(
    'REPLAY_RUNNING',
    'a replay of this node is under way; ask again when it is over',
    {
      retryable: true,
      status: 'replayUnderWay',
    },
  )
}

function unwired(): PipelineError {
  return new PipelineError(
    'REPLAY_UNWIRED',
    'nothing is wired to the first output: the dead letters would be marked as ended by the flow',
    { retryable: true, status: 'wireFirstOutput' },
  )
}
