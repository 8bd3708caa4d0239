/**
 * The node `tenant-dead-letter-source`: lists the dead letters of a table, or sends them through the flow again,
 * when a message or its button in the editor asks for it; never by itself.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { flowTracking, type TrackingRuntime } from '../../src/delivery/flow-tracking'
import type { Message } from '../../src/wire/message'
import { narrowed, type DeadLetterFilter } from '../../src/postgres/replay/dead-letter-filter'
import { DeadLetterSource } from '../../src/postgres/replay/dead-letter-source'
import { ReplayEvents } from '../../src/postgres/replay/replay-events'
import { replayStatus } from '../../src/postgres/replay/replay-status'
import { requireDatabase } from '../../src/postgres/connect/require-database'
import { CLOSE_BUDGET_MS, settlesWithin } from '../../src/time/deadline'
import { runningNodes } from '../../src/runtime/admin-route'
import { asPipelineError, PipelineError } from '../../src/wire/errors'
import { EventLog } from '../../src/log/event-log'
import { closeHandler, inputHandler } from '../../src/runtime/handlers'
import { StatusLine } from '../../src/runtime/status-line'
import { ACTIONS, readReplay, type ReplayConfiguration } from './options'

const TYPE = 'tenant-dead-letter-source'

/** A deploy that only moves wires changes `wires` without a new node. */
type WiredNode = Node & { readonly wires: readonly (readonly string[])[] }
type SourceDef = NodeDef & { database?: string }

interface Running extends ReplayConfiguration {
  readonly from: DeadLetterSource
  readonly release: () => void
}

export = function (RED: NodeAPI): void {
  const tracking = flowTracking(RED as unknown as TrackingRuntime)

  RED.nodes.registerType(TYPE, function (this: Node, config: SourceDef) {
    RED.nodes.createNode(this, config)
    const node = this as WiredNode
    const line = new StatusLine((status) => node.status(status))
    const log = new EventLog(node)
    const events = new ReplayEvents(log)
    let running: Running | undefined
    let refused: PipelineError | undefined
    try {
      running = start()
    } catch (error) {
      refused = asPipelineError(error)
      log.problem('CONFIG_REFUSED', refused)
      line.set({ fill: 'red', shape: 'ring', text: refused.statusText })
    }

    const receive = inputHandler(log, async (message, send, done) => {
      if (running === undefined) return done(refused)
      const action = actionOf(message, running.action)
      const filter = narrowed(running.filter, message.payload)
      if (action === 'list') await list(running, filter, message)
      else message.payload = { action, ...(await running.from.replay(filter)) }
      send([null, message])
      done()
    })
    node.on('input', receive)

    const close = async (): Promise<void> => {
      if (running !== undefined) await settlesWithin(running.from.close(), CLOSE_BUDGET_MS)
      running?.release()
      events.close()
      line.close()
    }
    node.on('close', closeHandler(log, close))

    function start(): Running {
      const configuration = readReplay(config)
      const database = requireDatabase(RED.nodes.getNode(config.database ?? ''))
      const from: DeadLetterSource = new DeadLetterSource(
        { ...configuration.source, nodeId: node.id, database },
        {
          tracking,
          send: (message) => node.send(message as never),
          isWired: () => (node.wires[0]?.length ?? 0) > 0,
          newId: () => RED.util.generateId(),
          onChange: () => line.set(replayStatus(from)),
          events,
        },
      )
      line.set(replayStatus(from))
      return { ...configuration, from, release: database.users.add() }
    }
  })

  RED.httpAdmin.post(`/${TYPE}/:id`, RED.auth.needsPermission(`${TYPE}.write`), (request, response) => {
    const nodes = runningNodes<Node>(RED.nodes, String(request.params.id), TYPE)
    for (const node of nodes) node.receive({ payload: '' })
    response.sendStatus(nodes.length === 0 ? 404 : 202)
  })
}

function actionOf(message: Message, byDefault: ReplayConfiguration['action']): ReplayConfiguration['action'] {
  const { action } = message
  if (action === undefined || action === null || action === '') return byDefault
  const known = ACTIONS.find((each) => each === action)
  if (known !== undefined) return known
  throw new PipelineError('ACTION_INVALID', `msg.action is none of ${ACTIONS.join(', ')}`, {
    retryable: false,
    statusText: 'check msg.action',
  })
}

/** The message becomes the list; `nextPage` is what to ask for next. */
async function list({ from }: Running, filter: DeadLetterFilter, message: Message): Promise<void> {
  const { entries, lastId } = await from.list(filter)
  const { tenant, reason, fromMs, toMs, limit } = filter
  message.payload = entries
  delete message.nextPage
  if (lastId !== undefined) {
    const asked = { tenant, reason, from: fromMs, to: toMs, limit, before: lastId }
    message.nextPage = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined))
  }
}
