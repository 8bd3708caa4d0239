/** What an operator does with a source from the editor: pause it, and let it resume. A deploy of the node resumes it too. */
import type { EventLog } from '../log/event-log'
import { PipelineError } from '../wire/errors'
import { addAdminRoute } from './admin-route'
import type { RefusedNode } from './run-node'

export interface Pausable {
  readonly paused: boolean
  pause(): void
  resume(): void
}

/** A deployed source; without one when its configuration was refused. */
export interface PausableNode extends RefusedNode {
  pausable?: Pausable
}

/** @param whoKeeps who has the messages meanwhile */
export function logged(source: Pausable, log: EventLog, whoKeeps: string): Pausable {
  return {
    get paused() {
      return source.paused
    },
    pause() {
      if (source.paused) return
      source.pause()
      log.note('SOURCE_PAUSED', `paused in the editor: nothing is sent into the flow, and ${whoKeeps}`)
    },
    resume() {
      if (!source.paused) return
      source.resume()
      log.note('SOURCE_RESUMED', 'resumed in the editor')
    },
  }
}

/** POST `<type>/<id>/pause` and `…/resume`; what is so already is no error. */
export function addPauseRoutes(host: object, type: string): void {
  for (const action of ['pause', 'resume'] as const) {
    addAdminRoute<PausableNode>(host, {
      type,
      action,
      permission: 'write',
      answer: (node) => {
        const source = pausableOf(node)
        source[action]()
        return { paused: source.paused }
      },
    })
  }
}

function pausableOf({ pausable, problem }: PausableNode): Pausable {
  if (pausable !== undefined) return pausable
  throw new PipelineError('CONFIG_INVALID', `this node does not run: ${problem?.message ?? 'see the log'}`, {
    retryable: false,
  })
}
