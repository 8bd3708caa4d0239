/**
 * What an input of the poison table is: something that a device, a flow or another producer may hand to the sink,
 * and where it must end. `poison.test.ts` sends every one through a real sink, each between two clean records.
 */
import { PAYLOAD_TYPES, type PayloadType } from '../../src/postgres/rows/columns'
import type { WireRecord } from '../../src/wire/message'

export type Row = Readonly<Record<string, string | null>>

/** A row with these values, as PostgreSQL writes them as text, or a dead letter with this code. */
export type End = { readonly row: Row } | { readonly deadLetter: string }

/** How a sink is set up; `poison.test.ts` has the options of each. */
export type Stage =
  /** Default columns, and the payload of this type. */
  | PayloadType
  /** A column of each type, each taken from the property of the payload that has its name. */
  | 'columns'
  /** Default columns, the time from `payload.time`. */
  | 'device time'
  /** Exactly once by the key `tenant_id, message_id, time`. */
  | 'by key'

export interface PoisonInput {
  /** Its number in the table of the faults that the pipeline was designed against. */
  readonly id: `P${number}`
  readonly title: string
  readonly stage: Stage
  /** Laid over a clean record. */
  readonly record: Partial<WireRecord>
  readonly end: End
}

/** `row`: stored as it came. Anything else is the code of a dead letter. */
type PayloadEnds = Readonly<Record<PayloadType, string>>

/** What ends as a row whatever the payload is stored as. */
export const ROWS: PayloadEnds = { jsonb: 'row', json: 'row', text: 'row', bytea: 'row' }
export const NO_JSON: PayloadEnds = { ...ROWS, jsonb: 'JSON_INVALID', json: 'JSON_INVALID' }
export const NO_TEXT: PayloadEnds = {
  jsonb: 'UTF8_INVALID',
  json: 'UTF8_INVALID',
  text: 'UTF8_INVALID',
  bytea: 'row',
}
export const NUL: PayloadEnds = { jsonb: 'NUL_BYTE', json: 'NUL_BYTE', text: 'NUL_BYTE', bytea: 'row' }
export const NOT_ENCODABLE: PayloadEnds = {
  jsonb: 'NOT_ENCODABLE',
  json: 'NOT_ENCODABLE',
  text: 'NOT_ENCODABLE',
  bytea: 'NOT_ENCODABLE',
}

/**
 * A payload, for each of the four types.
 * @param stored the text that the row has, when the payload is neither bytes nor text
 */
export function payload(
  id: PoisonInput['id'],
  title: string,
  value: unknown,
  ends: PayloadEnds,
  stored?: string | null,
): PoisonInput[] {
  const given = typeof value === 'string' || value instanceof Uint8Array ? Buffer.from(value) : undefined
  return PAYLOAD_TYPES.map((type) => ({
    id,
    title: `${title}, as ${type}`,
    stage: type,
    record: { payload: value },
    end:
      ends[type] !== 'row' ? { deadLetter: ends[type] } : { row: { payload: storedAs(type, given, stored) } },
  }))
}

/** Text is compared as text, `jsonb` as what it means; `bytea` comes back as hexadecimal digits. */
function storedAs(type: PayloadType, given: Buffer | undefined, stored?: string | null): string | null {
  if (stored === null) return null
  const bytes = stored === undefined ? (given as Buffer) : Buffer.from(stored)
  return type === 'bytea' ? `\\x${bytes.toString('hex')}` : bytes.toString()
}

/** JSON text for one column of its type; the row holds `end.row`, or the code says why there is none. */
export function column(
  id: PoisonInput['id'],
  title: string,
  name: string,
  json: string,
  end: string | { readonly row: string | null },
): PoisonInput {
  return {
    id,
    title,
    stage: 'columns',
    record: { payload: Buffer.from(`{"${name}":${json}}`) },
    end: typeof end === 'string' ? { deadLetter: end } : { row: { [name]: end.row } },
  }
}

/** The same, of an object that the flow has made. */
export function madeByFlow(
  id: PoisonInput['id'],
  title: string,
  name: string,
  value: unknown,
  end: string | { readonly row: string | null },
): PoisonInput {
  return { ...column(id, title, name, '0', end), record: { payload: { [name]: value } } }
}

/** Fields of the record beside its payload, in a table with the default columns. */
export function fields(
  id: PoisonInput['id'],
  title: string,
  record: Partial<WireRecord>,
  end: End,
): PoisonInput {
  return { id, title, stage: 'jsonb', record, end }
}
