/**
 * Turns whatever `pg` throws into an error that says what happened, what kind of fault it is, and, for
 * a fault in a row, which row. Neither a secret nor a payload gets into the text: PostgreSQL quotes both in
 * `detail` and `where`, so these are not taken over, nor is the original error kept as the cause.
 */
import { PipelineError } from '../../wire/errors'
import {
  faultOf,
  isMissingPartition,
  MISSING_PARTITION,
  type Blame,
  type Fault,
  type FaultKind,
} from './sqlstate'
import { asPhrase, phrase, type Phrase, type PlainKey } from '../../status/phrase'
import { english } from '../../status/text'

/** What an error of writing rows tells about one of them. */
export interface RowFault {
  /** Whether one row may be the reason. */
  readonly blame: Blame
  /** The row of a `COPY` at which it failed, counted from 0, where PostgreSQL names it. */
  readonly row: number | undefined
  /** The constraint, the column, or the partition key, that does not take the row. */
  readonly rule: string | undefined
  readonly missingPartition: boolean
  /** The table, or the partition, that does not take the row, where PostgreSQL names it. */
  readonly relation: string | undefined
  /** For a dead letter: what PostgreSQL says about the row. */
  readonly refusal: string
}

export class DatabaseError extends PipelineError {
  /** What is wrong in a few words, without the name of the product. */
  readonly inShort: Phrase

  constructor(
    readonly kind: FaultKind,
    /** SQLSTATE, or the code of the system or of TLS. */
    readonly sqlState: string,
    message: string,
    status: PlainKey | Phrase,
    /** Of what PostgreSQL itself has answered. */
    readonly rowFault: RowFault | undefined = undefined,
  ) {
    super('DATABASE', message, {
      retryable: true,
      status: phrase('postgres', { problem: asPhrase(status) }),
    })
    this.inShort = asPhrase(status)
    this.name = 'DatabaseError'
  }

  get missingPartition(): boolean {
    return this.rowFault?.missingPartition === true
  }
}

interface Words {
  readonly status: PlainKey | Phrase
  /** What to do about it. */
  readonly fix: string
}

const WAITING = 'waiting for it and trying again'

/** Of codes that are no SQLSTATE. */
interface CodedWords extends Words {
  readonly kind: FaultKind
}

const unreachable = (status: PlainKey): CodedWords => ({
  kind: 'transient',
  status,
  fix: WAITING,
})
const certificate = (status: PlainKey): CodedWords => ({
  kind: 'configuration',
  status,
  fix: 'choose a TLS configuration with the right certificate authority, or switch verification off by name',
})

/** Codes of the system, of TLS, and of our own. */
const CODES: Readonly<Record<string, CodedWords>> = {
  ECONNREFUSED: unreachable('notReachable'),
  ECONNRESET: unreachable('connectionLost'),
  EPIPE: unreachable('connectionLost'),
  ETIMEDOUT: unreachable('notReachable'),
  EHOSTUNREACH: unreachable('notReachable'),
  ENETUNREACH: unreachable('notReachable'),
  ENOTFOUND: unreachable('postgresHostNotFound'),
  EAI_AGAIN: unreachable('postgresHostNotFound'),
  CONNECTION_LOST: unreachable('connectionLost'),
  STANDBY: unreachable('postgresStandby'),
  READ_ONLY: unreachable('postgresServerReadOnly'),
  DEPTH_ZERO_SELF_SIGNED_CERT: certificate('postgresSelfSigned'),
  SELF_SIGNED_CERT_IN_CHAIN: certificate('unknownCertificate'),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: certificate('unknownCertificate'),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: certificate('unknownCertificate'),
  CERT_HAS_EXPIRED: certificate('certificateExpired'),
  ERR_TLS_CERT_ALTNAME_INVALID: certificate('certificateOfAnotherHost'),
  NO_PASSWORD: {
    kind: 'configuration',
    status: 'noPasswordGiven',
    fix: 'the server asks for one: enter it in the PostgreSQL configuration node, or name an environment variable there',
  },
  NO_TLS: {
    kind: 'configuration',
    status: 'postgresNoTls',
    fix: 'set up TLS at the server or switch it off in the PostgreSQL configuration node',
  },
}

/** SQLSTATEs that users meet when they set up a connection or a table; what kind they are says `sqlstate.ts`. */
const WORDS: Readonly<Record<string, Words>> = {
  '57P01': { status: 'postgresShuttingDown', fix: WAITING },
  '57P02': { status: 'postgresRestarting', fix: WAITING },
  '57P03': { status: 'postgresStartingUp', fix: WAITING },
  '57014': { status: 'postgresTimeLimit', fix: 'trying again' },
  '53100': { status: 'postgresDiskFull', fix: 'make room; it resumes by itself' },
  '53300': {
    status: 'postgresTooManyConnections',
    fix: 'lower the pool size or raise max_connections',
  },
  '25006': {
    status: 'postgresReadOnly',
    fix: 'the server is a standby or set to read-only; trying again',
  },
  '28P01': { status: 'wrongPassword', fix: 'check user and password' },
  '28000': { status: 'postgresLoginRefused', fix: 'check user and pg_hba.conf' },
  '2200H': {
    status: 'postgresSequenceEnd',
    fix: 'give the sequence and its column a larger type (alter sequence … as bigint), or reset it',
  },
  '3D000': {
    status: 'postgresNoDatabase',
    fix: 'create the database or correct its name',
  },
  '3F000': { status: 'postgresNoSchema', fix: 'create the schema or correct its name' },
  '42501': {
    status: 'postgresPermissionDenied',
    fix: 'grant the user what it needs on this table',
  },
  '42P01': {
    status: 'noSuchTable',
    fix: 'create the table or let the node create it',
  },
  '42703': {
    status: 'postgresNoColumn',
    fix: 'the table and the column mapping do not fit',
  },
  '42804': {
    status: 'postgresColumnType',
    fix: 'the table and the column mapping do not fit',
  },
  '428C9': {
    status: 'postgresGeneratedColumn',
    fix: "remove it from the sink's columns",
  },
  '42P10': {
    status: 'postgresNoUniqueIndex',
    fix: 'create a unique index over exactly the key columns',
  },
}

/** Texts of `pg` that carry no code. */
const UNCODED: readonly (readonly [RegExp, string])[] = [
  [/does not support SSL/, 'NO_TLS'],
  [/SASL: .*password must be/, 'NO_PASSWORD'],
  [/timeout/i, 'ETIMEDOUT'],
  [/terminated|not queryable|closed/i, 'CONNECTION_LOST'],
]

/** The fields that `pg` sets on errors of the server; system errors have `code` and `syscall`. */
interface Thrown {
  /** Set by a writer that knows which of its rows has failed. */
  readonly row?: unknown
  readonly message?: unknown
  readonly code?: unknown
  readonly where?: unknown
  readonly detail?: unknown
  readonly column?: unknown
  readonly constraint?: unknown
  readonly table?: unknown
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
  const fault = error.severity === undefined ? undefined : faultFor(code, error)
  const said = shortened(text)
  const { kind, status, fix } = wordsFor(code, fault?.kind, error, said)
  const refusal = `PostgreSQL refuses the row: ${said} [${code}]`
  const words = english(status)
  const what = words === said ? said : `${words} (${said})`
  const message = kind === 'data' ? refusal : `${doing} failed: ${what}; ${fix} [${code}]`
  const rowFault = fault && {
    blame: fault.blame,
    row: fault.blame === 'never' ? undefined : rowOf(error),
    rule: ruleOf(error),
    missingPartition: isMissingPartition(error),
    relation: typeof error.table === 'string' ? error.table : undefined,
    refusal,
  }
  return new DatabaseError(kind, code, message, status, rowFault)
}

function faultFor(code: string, error: Thrown): Fault {
  return isMissingPartition(error) ? MISSING_PARTITION : faultOf(code)
}

function wordsFor(code: string, kind: FaultKind | undefined, error: Thrown, said: string): CodedWords {
  const coded = CODES[code]
  if (coded !== undefined) return coded
  const words = isMissingPartition(error) ? noPartition(error) : WORDS[code]
  const known = kind ?? (words === undefined ? 'transient' : faultOf(code).kind)
  const fix = known === 'transient' ? 'trying again' : 'repair the table or the node'
  return { kind: known, status: words?.status ?? phrase('verbatim', { text: said }), fix: words?.fix ?? fix }
}

/** `Partition key of the failing row contains (tenant_id) = (…).`; what follows it may come from a device. */
const PARTITION_KEY = /^Partition key of the failing row contains \(([^)]*)\) = /

function partitionKey({ detail }: Thrown): string | undefined {
  return typeof detail === 'string' ? PARTITION_KEY.exec(detail)?.[1]?.replaceAll('"', '') : undefined
}

function noPartition(error: Thrown): Words {
  const key = partitionKey(error) ?? 'row'
  return { status: phrase('postgresNoPartition', { key }), fix: 'create one, or a default partition' }
}

/**
 * Of connecting, or of beginning a transaction: no row is there yet that could be at fault, whatever the code. Poolers
 * answer with XX000 when they have no connection left.
 */
export function asConnectionError(thrown: unknown, doing: string): DatabaseError {
  const error = asDatabaseError(thrown, doing)
  if (error.kind !== 'data') return error
  const { sqlState, inShort } = error
  const message = `${doing} failed: ${english(inShort)}; trying again [${sqlState}]`
  return new DatabaseError('transient', sqlState, message, inShort)
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
 * line number counts: after the column comes what a device has sent, which may look like this as well.
 */
const COPY_CONTEXT = /^COPY .*?, line (\d+)(?:, column ([^:]+):)?/m

function rowOf({ row, where }: Thrown): number | undefined {
  return typeof row === 'number' ? row : copyRow(where)
}

function copyRow(where: unknown): number | undefined {
  const line = typeof where === 'string' ? COPY_CONTEXT.exec(where)?.[1] : undefined
  return line === undefined ? undefined : Number(line) - 1
}

function ruleOf(error: Thrown): string | undefined {
  const { constraint, column, where } = error
  if (isMissingPartition(error)) return partitionKey(error)
  if (typeof constraint === 'string') return constraint
  if (typeof column === 'string') return column
  return typeof where === 'string' ? COPY_CONTEXT.exec(where)?.[2] : undefined
}
