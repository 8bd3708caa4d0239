/**
 * How a node runs that writes records to PostgreSQL and moves their position in the ledger in the same transaction: log,
 * status, metrics, the output for what can never be written, and the order in which it is closed. What such nodes write
 * differs (`MaintainedTables`); all the rest is here.
 */
import { flowTracking, type TrackingRuntime } from '../../delivery/flow/flow-tracking'
import type { Handle } from '../../runtime/handlers'
import { IdleCheck } from '../../runtime/idle-check'
import { runNode, type RunningNode } from '../../runtime/run-node'
import { CLOSE_BUDGET_MS, settlesWithin } from '../../time/deadline'
import { Reconnects } from '../../watch/reconnects'
import type { Samples } from '../../watch/watched-nodes'
import type { PipelineError } from '../../wire/errors'
import type { Database } from '../connect/database'
import { qualified } from '../connect/identifiers'
import type { Refuser } from '../dead-letters/dead-letters'
import type { Ledger } from '../ledger/ledger'
import { requirePostgres } from '../require-postgres'
import type { MaintainedTables } from './maintained-tables'
import { RejectOutput } from './reject-output'
import { SinkEvents, type SinkWords } from './sink-events'
import { SinkIntake } from './sink-intake'
import { samplesOf, unreadyOf } from './sink-samples'
import { SinkStatus } from './sink-status'
import { TableSink, type TableSinkOptions } from './table-sink'

/** Less than the whole budget: what cannot be written in time still has to be given up in order. */
const DRAIN_MS = CLOSE_BUDGET_MS - 2_000

/** What a node writes, and how. */
export interface SinkSetup extends Pick<
  TableSinkOptions,
  'exactlyOnce' | 'ledgerName' | 'target' | 'limits' | 'deadLetters'
> {
  readonly tables: (given: GivenToTables) => MaintainedTables
  /** Two nodes with one name in the ledger have to do the same; without it, to write to the same target. */
  readonly effect?: string
  readonly words?: SinkWords
  /** Rejected records that the flow after the output has ended count as safe. */
  readonly outputMayEnd: boolean
  /** What the node counts besides what all of them do. */
  readonly samples?: () => Samples
}

export interface GivenToTables {
  readonly database: Database
  readonly ledger: Ledger
  readonly events: SinkEvents
  /** For a node that keeps its dead letters in a table, and has another use of its output. */
  readonly output: { readonly isWired: () => boolean; readonly send: (message: object) => void }
  /** To be called when `problems` of the tables has changed. */
  readonly onChange: () => void
}

/** What is used of Node-RED. */
export interface SinkRuntime extends TrackingRuntime {
  readonly util: { generateId(): string }
}

/** A node, with the id of the database that it has chosen. */
interface Chosen {
  readonly node: { readonly id: string; readonly type: string; readonly name?: string | undefined }
  readonly database: string | undefined
}

/**
 * Call it when the module of the node is loaded.
 * @returns runs a node; `read` throws when its configuration cannot work
 */
export function sinkRunner(RED: SinkRuntime): (chosen: Chosen, read: () => SinkSetup) => void {
  const tracking = flowTracking(RED)

  return ({ node, database: id }, read) => {
    const start = ({ log, status: line, isWired, send, onClose, refresh, watch }: RunningNode): Handle => {
      const { database, ledger, replayTables } = requirePostgres(RED.nodes.getNode(id ?? ''))
      const { tables, outputMayEnd, effect, words, samples, ...setup } = read()
      const events = new SinkEvents(log, words)
      onClose(() => events.close())
      const output = { isWired: () => isWired(), send: (message: object) => send(0, message) }
      const refuser = refuserOf(node)
      const rejects = new RejectOutput({
        tracker: tracking.tracker,
        refuser,
        newId: () => RED.util.generateId(),
        send: (message) => send(0, message),
        isWired,
        mayEnd: outputMayEnd,
        isGateOpen: () => tracking.gateOpen,
        onChange: () => {
          events.noteOutput(rejects.problem)
          showStatus()
        },
      })
      const status = new SinkStatus()
      const idle = new IdleCheck(() => database.look())
      const reconnects = new Reconnects()
      const showStatus = (): void => {
        const { ready, tenantProblems, waiting, counts, server } = sink
        const shown = { ready, problem: problemNow(), tenantProblems, waiting, counts, server }
        events.observe(shown)
        reconnects.observe(unreadyOf(sink, shown.problem) === undefined)
        line.set(status.of(shown, rejects.problem))
      }
      const sink = new TableSink({
        ...setup,
        database,
        ledger,
        tables: (onChange) => tables({ database, ledger, events, output, onChange }),
        replayTables,
        refuser,
        deliverRejected: (rejected) => rejects.deliver(rejected),
        onChange: showStatus,
        events,
      })
      const problemNow = (): PipelineError | undefined => sink.problem ?? idle.problem
      watch({
        samples: () => ({ ...samplesOf(sink, problemNow(), reconnects.count), ...samples?.() }),
        unready: () => unreadyOf(sink, problemNow()),
      })
      if (setup.exactlyOnce === 'ledger') {
        onClose(ledger.sinks.register(setup.ledgerName, node.id, effect ?? setup.target))
      }
      onClose(database.users.add())
      if (setup.deadLetters === undefined) {
        // The output opens its own deliveries, which need the hooks.
        onClose(tracking.acquire(() => rejects.gateOpened()))
        if (!isWired()) {
          log.note(
            'REJECTS_UNWIRED',
            'nothing is wired to the output: a record that cannot be stored will fail its message',
          )
        }
      }
      onClose(() => settlesWithin(sink.close(DRAIN_MS), CLOSE_BUDGET_MS))
      onClose(() => rejects.close())
      refresh(() => {
        if (sink.ready) idle.look(performance.now(), sink.counts.rows, sink.waiting > 0)
        showStatus()
      })
      sink.start()

      const intake = new SinkIntake({
        tracker: tracking.tracker,
        sink,
        exactlyOnce: setup.exactlyOnce,
        node,
        ledger: `${database.place} ${qualified(ledger.table)} ${setup.ledgerName}`,
        onLate: () => events.noteLate(),
      })
      return (message, _send, done) => intake.receive(message, done)
    }
    runNode(RED, node, start)
  }
}

function refuserOf({ id, type, name }: Chosen['node']): Refuser {
  return { id, type, ...(name !== undefined && { name }) }
}
