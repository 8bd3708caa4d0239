/**
 * Turns whatever `pg` throws into an error that says what happened in words, what kind of fault it is, and, for
 * a fault in a row, which row. Neither a secret nor a payload gets into the text: PostgreSQL quotes both in
 * `detail` and `where`, so these are not taken over, nor is the original error kept as the cause.
 */
import { PipelineError } from '../runtime/errors'
import { faultKind, isMissingPartition, type FaultKind } from './sqlstate'

export class DatabaseError extends PipelineError {
  constructor(
    readonly kind: FaultKind,
    /** SQLSTATE, or the code of the system or of TLS. */
    readonly sqlState: string,
    message: string,
    /** What is wrong in a few words, without the name of the product. */
    readonly status: string,
    /** The row of a `COPY` at which it failed, counted from 0, where PostgreSQL names it. */
    readonly row: number | undefined = undefined,
    readonly missingPartition = false,
    /** The constraint, or else the column, that does not take the row. */
    readonly rule: string | undefined = undefined,
  ) {
    super('DATABASE', message, { retryable: true, statusText: `PostgreSQL: ${status}` })
    this.name = 'DatabaseError'
  }
}

interface Words {
  readonly kind: FaultKind
  readonly status: string
  /** What to do about it. */
  readonly mend: string
}

const unreachable = (status: string): Words => ({
  kind: 'transient',
  status,
  mend: 'waiting for it and trying again',
})
const certificate = (status: string): Words => ({
  kind: 'configuration',
  status,
  mend: 'choose a TLS configuration with the right certificate authority, or switch verification off by name',
})

/** Codes of the system, of TLS, and the SQLSTATEs that users meet when they set up a connection. */
const WORDS: Readonly<Record<string, Words>> = {
  ECONNREFUSED: unreachable('not reachable'),
  ECONNRESET: unreachable('connection lost'),
  EPIPE: unreachable('connection lost'),
  ETIMEDOUT: unreachable('not reachable'),
  EHOSTUNREACH: unreachable('not reachable'),
  ENETUNREACH: unreachable('not reachable'),
  ENOTFOUND: unreachable('host name not found'),
  EAI_AGAIN: unreachable('host name not found'),
  CONNECTION_LOST: unreachable('connection lost'),
  STANDBY: unreachable('the server is a standby'),
  READ_ONLY: unreachable('the server is read-only'),
  '57P01': unreachable('shutting down'),
  '57P02': unreachable('restarting'),
  '57P03': unreachable('starting up'),
  '57014': { kind: 'transient', status: 'time limit exceeded', mend: 'trying again' },
  '53100': { kind: 'transient', status: 'disk full', mend: 'make room; it goes on by itself' },
  '53300': {
    kind: 'transient',
    status: 'too many connections',
    mend: 'lower the pool size or raise max_connections',
  },
  '25006': {
    kind: 'transient',
    status: 'read-only',
    mend: 'the server is a standby or set to read-only; trying again',
  },
  DEPTH_ZERO_SELF_SIGNED_CERT: certificate('self-signed certificate'),
  SELF_SIGNED_CERT_IN_CHAIN: certificate('unknown certificate'),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: certificate('unknown certificate'),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: certificate('unknown certificate'),
  CERT_HAS_EXPIRED: certificate('certificate expired'),
  ERR_TLS_CERT_ALTNAME_INVALID: certificate('certificate of another host'),
  NO_TLS: {
    kind: 'configuration',
    status: 'server without TLS',
    mend: 'set up TLS at the server or switch it off in the PostgreSQL configuration node',
  },
  '28P01': { kind: 'configuration', status: 'wrong password', mend: 'check user and password' },
  '28000': { kind: 'configuration', status: 'login refused', mend: 'check user and pg_hba.conf' },
  '3D000': {
    kind: 'configuration',
    status: 'no such database',
    mend: 'create the database or correct its name',
  },
  '3F000': { kind: 'configuration', status: 'no such schema', mend: 'create the schema or correct its name' },
  '42501': {
    kind: 'configuration',
    status: 'permission denied',
    mend: 'grant the user what it needs on this table',
  },
  '42P01': {
    kind: 'configuration',
    status: 'no such table',
    mend: 'create the table or let the node create it',
  },
  '42703': {
    kind: 'configuration',
    status: 'no such column',
    mend: 'the table and the column mapping do not fit',
  },
  '42804': {
    kind: 'configuration',
    status: 'column of another type',
    mend: 'the table and the column mapping do not fit',
  },
  '42P10': {
    kind: 'configuration',
    status: 'no unique index for the key',
    mend: 'create a unique index over exactly the key columns',
  },
}

/** Texts of `pg` that carry no code. */
const UNCODED: readonly (readonly [RegExp, string])[] = [
  [/does not support SSL/, 'NO_TLS'],
  [/SASL: .*password must be/, '28P01'],
  [/timeout/i, 'ETIMEDOUT'],
  [/terminated|not queryable|closed/i, 'CONNECTION_LOST'],
]

/** The fields that `pg` sets on errors of the server; system errors have `code` and `syscall`. */
interface Thrown {
  readonly message?: unknown
  readonly code?: unknown
  readonly where?: unknown
  readonly column?: unknown
  readonly constraint?: unknown
  readonly routine?: unknown
  readonly severity?: unknown
  readonly errors?: unknown
}

/** @param doing what failed, for the sentence: `writing to "iot_messages"` */
export function asDatabaseError(thrown: unknown, doing: string): DatabaseError {
  if (thrown instanceof DatabaseError) return thrown
  const error = firstOf(thrown)
  const text = typeof error.message === 'string' ? error.message : String(thrown)
  const code = typeof error.code === 'string' ? error.code : (uncoded(text) ?? 'CONNECTION_LOST')
  const words = WORDS[code]
  const fromServer = error.severity !== undefined
  const missingPartition = isMissingPartition(error)
  const kind = missingPartition
    ? 'configuration'
    : (words?.kind ?? (fromServer ? faultKind(code) : 'transient'))
  const status = missingPartition ? 'no partition for the time' : (words?.status ?? shortened(text))
  const mend = words?.mend ?? (kind === 'transient' ? 'trying again' : 'mend the table or the node')
  const row = kind === 'data' ? copyRow(error.where) : undefined
  const said = shortened(text)
  const what = status === said ? said : `${status} (${said})`
  const message =
    kind === 'data' ? `PostgreSQL refuses the row: ${said}` : `${doing} failed: ${what}; ${mend}`
  return new DatabaseError(
    kind,
    code,
    `${message} [${code}]`,
    status,
    row,
    missingPartition,
    kind === 'data' ? ruleOf(error) : undefined,
  )
}

/**
 * Of connecting, or of beginning a transaction: no row is there yet that could be at fault, whatever the code. Poolers
 * answer with XX000 when they have no connection left.
 */
export function asConnectionError(thrown: unknown, doing: string): DatabaseError {
  const error = asDatabaseError(thrown, doing)
  if (error.kind !== 'data') return error
  const { sqlState, status } = error
  const message = `${doing} failed: ${status}; trying again [${sqlState}]`
  return new DatabaseError('transient', sqlState, message, status)
}

/** Connecting to a name with several addresses throws one error for all of them. */
function firstOf(thrown: unknown): Thrown {
  const error = (thrown ?? {}) as Thrown
  return Array.isArray(error.errors) && error.errors.length > 0 ? (error.errors[0] as Thrown) : error
}

function uncoded(text: string): string | undefined {
  return UNCODED.find(([pattern]) => pattern.test(text))?.[1]
}

/** PostgreSQL puts what it could not read into the message, after a colon and in quotes: that may be a payload. */
function shortened(text: string): string {
  return text.replace(/: ".*/s, '').slice(0, 120)
}

/**
 * `COPY iot_messages, line 17, column payload: "…"`; for `json` the context lines of the parser come first. The first
 * line number counts: behind the column is what a device has sent, which may look like this as well.
 */
const COPY_CONTEXT = /^COPY .*?, line (\d+)(?:, column ([^:]+):)?/m

function copyRow(where: unknown): number | undefined {
  const line = typeof where === 'string' ? COPY_CONTEXT.exec(where)?.[1] : undefined
  return line === undefined ? undefined : Number(line) - 1
}

function ruleOf({ constraint, column, where }: Thrown): string | undefined {
  if (typeof constraint === 'string') return constraint
  if (typeof column === 'string') return column
  return typeof where === 'string' ? COPY_CONTEXT.exec(where)?.[2] : undefined
}
