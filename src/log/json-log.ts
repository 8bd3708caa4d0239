/**
 * A handler for `logging` in Node-RED's `settings.js`: every line of the log as one JSON object, which is what containers'
 * log collectors read. Lines of this package have their code and its fields; lines of others their text.
 */
import { inspect } from 'node:util'

/** As Node-RED hands it to a handler. */
export interface LoggedMessage {
  readonly level: number
  readonly timestamp: number
  /** Of the node that logs. */
  readonly type?: string
  readonly id?: string
  readonly name?: string
  /** The tab of the node. */
  readonly z?: string
  readonly msg?: unknown
  readonly [field: string]: unknown
}

const LEVELS: Readonly<Record<number, string>> = {
  10: 'fatal',
  20: 'error',
  30: 'warn',
  40: 'info',
  50: 'debug',
  60: 'trace',
  98: 'audit',
  99: 'metric',
}
/** Of an event; see docs/events.md. */
const FIELDS = ['code', 'reason', 'tenant', 'counts'] as const

/** For `handler`: Node-RED calls it with the settings of the logger. */
export function jsonLog(_settings?: object): (logged: LoggedMessage) => void {
  return (logged) => void process.stdout.write(`${jsonLine(logged)}\n`)
}

/** Never throws: a message may be anything. */
export function jsonLine({ level, timestamp, type, id, name, z, msg, ...others }: LoggedMessage): string {
  const head = {
    time: new Date(timestamp).toISOString(),
    level: LEVELS[level] ?? String(level),
  }
  const node = { node: id, type, name: name === '' ? undefined : name, tab: z }
  try {
    // What is audited or measured has fields of its own instead of a message.
    const rest = level >= 98 ? others : {}
    return JSON.stringify({ ...head, ...contentOf(msg), ...node, ...rest })
  } catch {
    return JSON.stringify({ ...head, message: inspect(msg, { depth: 2 }), ...node })
  }
}

function contentOf(msg: unknown): object {
  if (msg === undefined) return {}
  if (typeof msg === 'string') return { message: msg }
  if (msg instanceof Error) {
    const { code } = msg as { code?: unknown }
    return { message: msg.message, ...(code !== undefined && { code }), stack: msg.stack }
  }
  const given = (msg ?? {}) as Readonly<Record<string, unknown>>
  if (typeof given['message'] !== 'string') return { message: inspect(msg, { depth: 2 }) }
  const fields = FIELDS.map((field) => [field, given[field]] as const)
  return { message: given['message'], ...Object.fromEntries(fields) }
}
