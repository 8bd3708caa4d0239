/**
 * What a column's type means for a value from a record. What is done with a value of each kind in a column of each
 * family: `value-rules.ts`.
 */
import type { Column } from './columns'

/**
 *  - `document`: the whole payload in a column of JSON, which is the text of its JSON
 *  - `json`: any other value in such a column
 *  - `instant`, `date`, `clock`, `zoned clock`: parsed by us, because PostgreSQL would accept `now` and `infinity`
 *  - `array`, `range`: of values of the type `element`
 *  - `composite`: refused, because its parts are read by PostgreSQL alone
 *  - `other`: PostgreSQL reads the text of the value, and refuses what it is not
 */
export type ColumnFamily =
  | 'document'
  | 'json'
  | 'bytea'
  | 'text'
  | 'integer'
  | 'numeric'
  | 'float'
  | 'boolean'
  | 'instant'
  | 'date'
  | 'clock'
  | 'zoned clock'
  | 'interval'
  | 'array'
  | 'range'
  | 'composite'
  | 'other'

export interface ColumnType {
  readonly family: ColumnFamily
  /** As in `pg_type`; of a domain that of its base. */
  readonly name: string
  /** The modifier in brackets after the type, as PostgreSQL encodes it; -1 for none. */
  readonly modifier: number
  readonly element?: ColumnType
}

/** A step from a column to its base type: an array, then its element. */
export interface TypeStep {
  readonly name: string
  /** `typtype`: `b` for base types, `c` for composite ones, and so on. */
  readonly kind: string
  readonly array: boolean
  readonly modifier: number
}

/** Names as in `pg_type`. */
const FAMILIES: ReadonlyMap<string, ColumnFamily> = new Map(
  Object.entries({
    json: ['json', 'jsonb'],
    bytea: ['bytea'],
    text: ['text', 'varchar', 'bpchar', 'name', 'char', 'citext'],
    integer: ['int2', 'int4', 'int8', 'oid'],
    numeric: ['numeric'],
    float: ['float4', 'float8'],
    boolean: ['bool'],
    instant: ['timestamp', 'timestamptz'],
    date: ['date'],
    clock: ['time'],
    'zoned clock': ['timetz'],
    interval: ['interval'],
  } satisfies Partial<Record<ColumnFamily, string[]>>).flatMap(([family, names]) =>
    names.map((name) => [name, family as ColumnFamily] as const),
  ),
)

/** Of ranges and multiranges the type of a bound. */
const BOUNDS: ReadonlyMap<string, string> = new Map(
  ['range', 'multirange'].flatMap((suffix) =>
    Object.entries({
      int4: 'int4',
      int8: 'int8',
      num: 'numeric',
      ts: 'timestamp',
      tstz: 'timestamptz',
      date: 'date',
    }).map(([prefix, bound]) => [prefix + suffix, bound] as const),
  ),
)

const UNKNOWN: TypeStep = { name: '', kind: 'b', array: false, modifier: -1 }

export function columnType([step = UNKNOWN, ...inner]: readonly TypeStep[]): ColumnType {
  const { name, kind, array, modifier } = step
  if (array) return { family: 'array', name, modifier, element: columnType(inner) }
  if (kind === 'r' || kind === 'm') {
    return {
      family: 'range',
      name,
      modifier,
      element: columnType([{ ...UNKNOWN, name: BOUNDS.get(name) ?? '' }]),
    }
  }
  return { family: kind === 'c' ? 'composite' : (FAMILIES.get(name) ?? 'other'), name, modifier }
}

/** Families that can hold the time of the row, or its source. */
const TAKES_TIME: ReadonlySet<ColumnFamily> = new Set(['instant', 'date', 'text', 'json', 'other'])
const TAKES_WORD: ReadonlySet<ColumnFamily> = new Set(['text', 'json', 'other'])

/** Why values cannot be written to a column without becoming others, and what to do; `undefined`: they can. */
export function whyUnusable({ source }: Column, type: ColumnType): string | undefined {
  const { family, name, modifier } = type.element ?? type
  if (name === 'money')
    return 'has the type money, whose digits depend on a setting of the server; make it numeric'
  if (family === 'composite') {
    return 'has a type of several parts; make it jsonb, or take each part into a column of its own'
  }
  if (family === 'interval' && modifier >= 0) {
    return 'has a type that silently cuts parts off an interval; make it interval, without anything after it'
  }
  if (source.kind === 'time' && !TAKES_TIME.has(type.family)) {
    return 'takes the time of the row and has no type for it; make it timestamptz, or give it another source'
  }
  if (source.kind === 'time source' && !TAKES_WORD.has(type.family)) {
    return 'takes the source of the time, which is a word, and has no type for it; make it text'
  }
  return undefined
}
