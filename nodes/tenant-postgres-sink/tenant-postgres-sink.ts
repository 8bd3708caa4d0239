/**
 * The node `tenant-postgres-sink`: writes records into a table, each exactly once. What can never become a row is
 * kept in a table of dead letters, or leaves by the output.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { flowTracking } from '../../src/delivery/flow/flow-tracking'
import { qualified } from '../../src/postgres/connect/identifiers'
import { requirePostgres } from '../../src/postgres/require-postgres'
import { RejectOutput } from '../../src/postgres/sink/reject-output'
import { SinkEvents } from '../../src/postgres/sink/sink-events'
import { SinkIntake } from '../../src/postgres/sink/sink-intake'
import { samplesOf, unreadyOf } from '../../src/postgres/sink/sink-samples'
import { SinkStatus } from '../../src/postgres/sink/sink-status'
import { TableSink } from '../../src/postgres/sink/table-sink'
import { IdleCheck } from '../../src/runtime/idle-check'
import { runNode } from '../../src/runtime/run-node'
import { CLOSE_BUDGET_MS, settlesWithin } from '../../src/time/deadline'
import { Reconnects } from '../../src/watch/reconnects'
import type { PipelineError } from '../../src/wire/errors'
import { readSink } from './options'
import { addOutdatedRoute, type SinkHolder } from './outdated-route'
import { addPreviewRoutes } from './preview-routes'

/** Less than the whole budget: what cannot be written in time still has to be given up in order. */
const DRAIN_MS = CLOSE_BUDGET_MS - 2_000

type SinkDef = NodeDef & { database?: string }

export = function (RED: NodeAPI): void {
  const tracking = flowTracking(RED as never)
  addOutdatedRoute(RED)
  addPreviewRoutes(RED)

  RED.nodes.registerType('tenant-postgres-sink', function (this: Node & SinkHolder, config: SinkDef) {
    RED.nodes.createNode(this, config)
    runNode(RED, this, ({ log, status: line, isWired, send, onClose, refresh, watch }) => {
      const events = new SinkEvents(log)
      onClose(() => events.close())
      const { database, ledger, replayTables } = requirePostgres(RED.nodes.getNode(config.database ?? ''))
      const { outputMayEnd, ...options } = readSink(config)
      const refuser = { id: this.id, type: this.type, ...(this.name !== undefined && { name: this.name }) }
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
        const problem = sink.problem ?? idle.problem
        const shown = { ready, problem, tenantProblems, waiting, counts, server }
        events.observe(shown)
        reconnects.observe(unreadyOf(sink, problem) === undefined)
        line.set(status.of(shown, rejects.problem))
      }
      const sink = new TableSink({
        ...options,
        database,
        ledger,
        replayTables,
        refuser,
        deliverRejected: (rejected) => rejects.deliver(rejected),
        onChange: showStatus,
        events,
      })
      this.sink = sink
      const problemNow = (): PipelineError | undefined => sink.problem ?? idle.problem
      watch({
        samples: () => samplesOf(sink, problemNow(), reconnects.count),
        unready: () => unreadyOf(sink, problemNow()),
      })
      if (options.exactlyOnce === 'ledger') {
        onClose(ledger.sinks.register(options.ledgerName, this.id, options.target))
      }
      onClose(database.users.add())
      if (options.deadLetters === undefined) {
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
        exactlyOnce: options.exactlyOnce,
        node: this,
        ledger: `${database.place} ${qualified(ledger.table)} ${options.ledgerName}`,
        onLate: () => events.noteLate(),
      })
      return (message, _send, done) => intake.receive(message, done)
    })
  })
}
