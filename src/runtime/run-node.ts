/**
 * How every node of this package runs: it starts, or refuses its configuration in red and in the log; it hands messages
 * to what its start has made; and it releases all that it has opened when it is closed.
 */
import { EventLog } from '../log/event-log'
import { asPipelineError, PipelineError } from '../wire/errors'
import type { MessageError } from '../wire/message'
import { messageError } from '../wire/message-error'
import { closeHandler, inputHandler, type Handle } from './handlers'
import type { NodeStatus } from './host'
import { inWords, translator, type LanguageHost } from './language'
import { StatusLine } from './status-line'
import { watchConfigNode, watchNode } from './watch-node'
import type { Watched } from '../watch/watched-nodes'

const REFRESH_MS = 1000

/** What is used of a node of Node-RED. */
interface RedNode {
  readonly id: string
  readonly type: string
  readonly name?: string
  /** A deploy that only moves wires changes them without a new node. */
  readonly wires: readonly (readonly string[])[]
  status(status: NodeStatus): void
  send(messages: unknown): void
  on(event: string, listener: unknown): void
}

/** A node whose configuration was refused says why; other nodes and its dialog ask for it. */
export interface RefusedNode {
  problem?: PipelineError
}

/** What a config node has while it runs. */
export interface Running {
  readonly log: EventLog
  /** Releases something when the node is closed: what was opened last goes first. */
  readonly onClose: (release: () => unknown) => void
}

/** What a node of the flow has while it runs. */
export interface RunningNode extends Running {
  readonly status: StatusLine
  readonly isWired: (output?: number) => boolean
  readonly send: (output: number, message: object) => void
  /** `msg.error` of a message that this node refuses. */
  readonly describe: (error: PipelineError) => MessageError
  /** What the node tells those who watch it. */
  readonly watch: (watched: Watched) => void
  /** Calls this now and then, until the node is closed. */
  readonly refresh: (show: () => void) => void
}

/**
 * A node of the flow.
 * @param RED what Node-RED has handed to the module of the node
 * @param start throws when the configuration cannot work; returns what takes the messages, if any come
 */
export function runNode(
  RED: object,
  given: object,
  start: (running: RunningNode) => Handle | undefined,
): void {
  const node = given as RedNode & RefusedNode
  const log = new EventLog(node)
  const translate = translator(RED as LanguageHost)
  const status = new StatusLine((shown) => node.status(inWords(shown, translate)))
  let watched: Watched = {}
  const handle = run(node, log, (onClose) => {
    onClose(watchNode(node, log, () => ({ ...watched, status: () => status.latest })))
    onClose(() => status.close())
    return start({
      log,
      onClose,
      status,
      isWired: (output = 0) => (node.wires[output]?.length ?? 0) > 0,
      send: (output, message) => node.send(output === 0 ? message : [null, message]),
      describe: (error) => messageError(error, node),
      watch: (given) => (watched = given),
      refresh: (show) => {
        const timer = setInterval(show, REFRESH_MS).unref()
        onClose(() => clearInterval(timer))
      },
    })
  })
  const { problem } = node
  if (problem !== undefined) status.set({ fill: 'red', shape: 'ring', text: problem.status })
  const take = problem === undefined ? handle : refuseWith(problem)
  if (take !== undefined) node.on('input', inputHandler(log, take))
}

/** A config node. @param start throws when the configuration cannot work */
export function runConfigNode(node: object, start: (running: Running) => void): void {
  const log = new EventLog(node)
  run(node as RedNode & RefusedNode, log, (onClose) => {
    onClose(watchConfigNode(node as RedNode, log))
    start({ log, onClose })
  })
}

function run<R>(
  node: RedNode & RefusedNode,
  log: EventLog,
  start: (onClose: Running['onClose']) => R,
): R | undefined {
  const releases: (() => unknown)[] = []
  const close = async (): Promise<void> => {
    for (let release = releases.pop(); release !== undefined; release = releases.pop()) {
      try {
        const released = release()
        if (released instanceof Promise) await released
      } catch (thrown) {
        log.thrown('closing this node', thrown)
      }
    }
  }
  node.on('close', closeHandler(log, close))
  try {
    return start((release) => releases.push(release))
  } catch (thrown) {
    const { code, message, status } = asPipelineError(thrown)
    // The message is fine, the node is not: it may be tried again when the node has been repaired.
    node.problem = new PipelineError(code, message, { retryable: true, status, cause: thrown })
    log.problem('CONFIG_REFUSED', node.problem)
    return undefined
  }
}

function refuseWith(problem: PipelineError): Handle {
  return (_message, _send, done) => done(problem)
}
