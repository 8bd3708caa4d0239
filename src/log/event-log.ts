/**
 * The one place that writes to Node-RED's log. An entry is an object, so that a logging handler gets fields; the console and
 * the debug sidebar show its text. Never a payload, never a secret.
 */
import type { PipelineError } from '../wire/errors'
import { EVENTS, isEventCode, type EventCode } from './events'

/** What a line says beside its sentence. */
export interface EventDetails {
  /** The code of the error behind it. */
  readonly reason?: string
  readonly tenant?: string | undefined
  readonly counts?: Readonly<Record<string, number>>
}

/** A line in the log. */
export interface LogEntry extends EventDetails {
  readonly message: string
  readonly code: EventCode
  /** The id of the node. */
  readonly node: string
  /** The sentence and the code. */
  toString(): string
}

/**
 * The debug sidebar cuts the texts of a plain object after 25 characters. Of an object with a class of its own it shows
 * `toString()`, and the name of the class above it; the console prints `toString()` as well.
 */
class PipelineEvent {
  constructor(entry: LogEntry) {
    Object.assign(this, entry)
  }

  toString(this: LogEntry): string {
    return `${this.message} (${this.code})`
  }
}

/** A node of Node-RED. */
export interface LoggingNode {
  readonly id: string
  log(entry: LogEntry): void
  warn(entry: LogEntry): void
  error(entry: LogEntry): void
  debug(entry: LogEntry): void
}

const METHODS = { error: 'error', warn: 'warn', info: 'log', debug: 'debug' } as const

export class EventLog {
  /** Lines since the node was deployed, by code. */
  readonly counts = new Map<EventCode, number>()
  private readonly node: LoggingNode

  /** @param node a node of Node-RED, whose types know only texts */
  constructor(node: object) {
    this.node = node as LoggingNode
  }

  /** Never throws: another package's log handler must not stop the work. */
  note(code: EventCode, message: string, { reason, tenant, counts }: EventDetails = {}): void {
    const entry: LogEntry = {
      message,
      code,
      node: this.node.id,
      ...(reason !== undefined && { reason }),
      ...(tenant !== undefined && { tenant }),
      ...(counts !== undefined && { counts }),
    }
    this.counts.set(code, (this.counts.get(code) ?? 0) + 1)
    try {
      this.node[METHODS[EVENTS[code].level]](new PipelineEvent(entry) as PipelineEvent & LogEntry)
    } catch {
      // There is nowhere left to say it.
    }
  }

  /** An error whose code is the event's. */
  error(error: PipelineError): void {
    this.problem(isEventCode(error.code) ? error.code : 'UNEXPECTED', error)
  }

  /** An error of other code. Its text may quote a payload, so the log names only its kind and its place. */
  thrown(doing: string, thrown: unknown): void {
    const kind = thrown instanceof Error ? thrown.constructor.name : typeof thrown
    const place = thrown instanceof Error ? /^ +at (.*)$/m.exec(String(thrown.stack))?.[1] : undefined
    this.note('UNEXPECTED', `${doing} failed: ${kind}${place === undefined ? '' : ` at ${place}`}`)
  }

  /** An error as the reason of an event. */
  problem(code: EventCode, error: PipelineError, details: Omit<EventDetails, 'reason'> = {}): void {
    this.note(code, error.message, { reason: error.code, ...details })
  }
}
