/**
 * The node `tenant-postgres-sink`: writes records into a table, each exactly once. What can never become a row is
 * kept in a table of dead letters, or leaves by the output.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { flowTracking } from '../../src/delivery/flow-tracking'
import { qualified } from '../../src/postgres/connect/identifiers'
import { RejectOutput } from '../../src/postgres/sink/reject-output'
import { SinkEvents } from '../../src/postgres/sink/sink-events'
import { SinkIntake } from '../../src/postgres/sink/sink-intake'
import { SinkStatus } from '../../src/postgres/sink/sink-status'
import { TableSink } from '../../src/postgres/sink/table-sink'
import { CLOSE_BUDGET_MS, settlesWithin } from '../../src/time/deadline'
import { asPipelineError, PipelineError } from '../../src/wire/errors'
import { EventLog } from '../../src/log/event-log'
import { closeHandler, inputHandler } from '../../src/runtime/handlers'
import { StatusLine } from '../../src/runtime/status-line'
import { requireDatabase } from '../../src/postgres/connect/require-database'
import { readSink } from './options'
import { addOutdatedRoute, type SinkHolder } from './outdated-route'

/** Less than the whole budget: what cannot be written in it has to be given up in order. */
const DRAIN_MS = CLOSE_BUDGET_MS - 2_000

interface SinkDef extends NodeDef {
  database?: string
}

/** A deploy that only moves wires changes `wires` without a new node. */
type WiredNode = Node & { readonly wires: readonly (readonly string[])[] }

interface Running {
  readonly intake: SinkIntake
  close(): Promise<void>
}

export = function (RED: NodeAPI): void {
  const tracking = flowTracking(RED as never)
  addOutdatedRoute(RED)

  RED.nodes.registerType('tenant-postgres-sink', function (this: Node, config: SinkDef) {
    RED.nodes.createNode(this, config)
    const node = this as WiredNode & SinkHolder
    const status = new StatusLine((shown) => node.status(shown))
    const log = new EventLog(node)
    const events = new SinkEvents(log)
    let running: Running | undefined
    let refused: PipelineError | undefined
    try {
      running = start(node, config)
    } catch (error) {
      const { code, message, statusText } = asPipelineError(error)
      // The message is fine, the node is not: it may be tried again when the node has been mended.
      refused = new PipelineError(code, message, { retryable: true, statusText, cause: error })
      node.refused = refused
      log.problem('CONFIG_REFUSED', refused)
      status.set({ fill: 'red', shape: 'ring', text: statusText })
    }

    const receive = inputHandler(log, (message, _send, done) => {
      if (running !== undefined) return running.intake.receive(message, done)
      done(refused)
      return undefined
    })
    node.on('input', receive)

    const close = async (): Promise<void> => {
      if (running !== undefined) await settlesWithin(running.close(), CLOSE_BUDGET_MS)
      events.close()
      status.close()
    }
    node.on('close', closeHandler(log, close))

    function start(node: WiredNode & SinkHolder, config: SinkDef): Running {
      const database = requireDatabase(RED.nodes.getNode(config.database ?? ''))
      const { outputMayEnd, ...options } = readSink(config)
      const refuser = {
        id: node.id,
        type: node.type,
        ...(node.name === undefined ? {} : { name: node.name }),
      }
      const rejects = new RejectOutput({
        tracker: tracking.tracker,
        refuser,
        newId: () => RED.util.generateId(),
        send: (message) => node.send(message as never),
        isWired: () => (node.wires[0]?.length ?? 0) > 0,
        mayEnd: outputMayEnd,
        isGateOpen: () => tracking.gateOpen,
        onChange: () => {
          events.noteOutput(rejects.problem)
          showStatus()
        },
      })
      const sinkStatus = new SinkStatus()
      const showStatus = (): void => {
        events.look(sink)
        status.set(sinkStatus.of(sink, rejects.problem))
      }
      const sink = new TableSink({
        ...options,
        database,
        refuser,
        deliverRejected: (rejected) => rejects.deliver(rejected),
        onChange: showStatus,
        events,
      })
      node.sink = sink
      const releaseName =
        options.exactlyOnce === 'ledger'
          ? database.registerSink(options.ledgerName, node.id, options.target)
          : () => undefined
      const releaseDatabase = database.users.add()
      // The output makes deliveries of its own, which need the hooks.
      const releaseTracking =
        options.deadLetters === undefined ? tracking.acquire(() => rejects.gateOpened()) : () => undefined
      const refresh = setInterval(showStatus, 1000).unref()
      sink.start()
      if (options.deadLetters === undefined && (node.wires[0]?.length ?? 0) === 0) {
        log.note(
          'REJECTS_UNWIRED',
          'nothing is wired to the output: a record that cannot be stored will fail its message',
        )
      }
      return {
        intake: new SinkIntake({
          tracker: tracking.tracker,
          sink,
          exactlyOnce: options.exactlyOnce,
          nodeId: node.id,
          ledger: `${database.place} ${qualified(database.ledger.table)} ${options.ledgerName}`,
          onLate: () => events.noteLate(),
        }),
        close: async () => {
          clearInterval(refresh)
          rejects.close()
          await sink.close(DRAIN_MS)
          releaseName()
          releaseTracking()
          releaseDatabase()
        },
      }
    }
  })
}
