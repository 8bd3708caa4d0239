/**
 * The node `tenant-dead-letter-source`: lists the dead letters of a table, or sends them through the flow again,
 * when a message or its button in the editor asks for it; never by itself.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { flowTracking, type TrackingRuntime } from '../../src/delivery/flow/flow-tracking'
import { requirePostgres } from '../../src/postgres/require-postgres'
import { narrowed, type DeadLetterFilter } from '../../src/postgres/replay/dead-letter-filter'
import { DeadLetterSource } from '../../src/postgres/replay/dead-letter-source'
import { ReplayEvents } from '../../src/postgres/replay/replay-events'
import { replayStatus } from '../../src/postgres/replay/replay-status'
import { runningNodes } from '../../src/runtime/admin-route'
import { runNode } from '../../src/runtime/run-node'
import { CLOSE_BUDGET_MS, settlesWithin } from '../../src/time/deadline'
import { PipelineError } from '../../src/wire/errors'
import type { Message } from '../../src/wire/message'
import { addLettersRoutes, type ReplayHolder } from './letters-routes'
import { ACTIONS, readReplay, type ReplayConfiguration } from './options'

const TYPE = 'tenant-dead-letter-source'

type SourceDef = NodeDef & { database?: string }

export = function (RED: NodeAPI): void {
  const tracking = flowTracking(RED as unknown as TrackingRuntime)
  addLettersRoutes(RED)

  RED.nodes.registerType(TYPE, function (this: Node & ReplayHolder, config: SourceDef) {
    RED.nodes.createNode(this, config)
    runNode(RED, this, ({ log, status, isWired, send, onClose, watch }) => {
      const configuration = readReplay(config)
      const { database, replayTables } = requirePostgres(RED.nodes.getNode(config.database ?? ''))
      const events = new ReplayEvents(log)
      onClose(() => events.close())
      const source: DeadLetterSource = new DeadLetterSource(
        { ...configuration.source, nodeId: this.id, database, replayTables },
        {
          tracking,
          send: (message) => send(0, message),
          isWired,
          newId: () => RED.util.generateId(),
          onChange: () => status.set(replayStatus(source)),
          events,
        },
      )
      watch({ samples: () => ({ tenant_pipeline_replayed_letters_total: source.replayed.all }) })
      this.replay = { source, configuration, database: config.database ?? '' }
      onClose(database.users.add())
      onClose(() => settlesWithin(source.close(), CLOSE_BUDGET_MS))
      status.set(replayStatus(source))

      return async (message, sendAnswer, done) => {
        const action = actionOf(message, configuration.action)
        const filter = narrowed(configuration.filter, message.payload)
        if (action === 'list') await list(source, filter, message)
        else message.payload = { action, ...(await source.replay(filter)) }
        sendAnswer([null, message])
        done()
      }
    })
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
    status: 'checkAction',
  })
}

/** The message becomes the list; `nextPage` is what to ask for next. */
async function list(source: DeadLetterSource, filter: DeadLetterFilter, message: Message): Promise<void> {
  const { entries, lastId } = await source.list(filter)
  const { tenant, reason, fromMs, toMs, limit } = filter
  message.payload = entries
  delete message.nextPage
  if (lastId !== undefined) {
    const asked = { tenant, reason, from: fromMs, to: toMs, limit, before: lastId }
    message.nextPage = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined))
  }
}
