/** The columns of a mapping beside those of a table. */
import { columnsOfNewTable } from '../table/table-statements'
import type { Column, ColumnSource } from '../rows/columns'

export interface FoundColumn {
  readonly name: string
  /** As PostgreSQL writes it, such as `character varying(20)`. */
  readonly type: string
  /** PostgreSQL computes it. */
  readonly generated: boolean
  /** A row needs a value for it, and gets none by default. */
  readonly isRequired: boolean
}

export interface ShownColumn {
  readonly name: string
  /** What the sink writes there; `undefined`: nothing. */
  readonly from: string | undefined
  /** Of the table, or of the mapping where there is no table yet. */
  readonly type: string
  /** Of the mapping, where the table has another one. */
  readonly wanted: string | undefined
  /**
   * `new`: would be created. `there`: fits. `missing`: the table lacks it. `left out`: the table lacks it, and may.
   * `generated`: the sink cannot write it. `unfilled`: the sink writes nothing there; `required`: and each row needs it.
   */
  readonly state: 'new' | 'there' | 'missing' | 'left out' | 'generated' | 'unfilled' | 'required'
}

/** @param created the sink may create the table */
export function newColumns(columns: readonly Column[], created: boolean): ShownColumn[] {
  const sources = new Map(columns.map(({ name, source }) => [name, fromOf(source)]))
  const listed = created ? columnsOfNewTable(columns) : columns
  const state = created ? 'new' : 'missing'
  return listed.map(({ name, type }) => ({ name, from: sources.get(name), type, wanted: undefined, state }))
}

export function compareColumns(columns: readonly Column[], found: readonly FoundColumn[]): ShownColumn[] {
  const byName = new Map(found.map((column) => [column.name, column]))
  const mapped = columns.map((column): ShownColumn => {
    const { name, source, type: wanted, optional } = column
    const actual = byName.get(name)
    const from = fromOf(source)
    if (actual === undefined)
      return { name, from, type: wanted, wanted: undefined, state: optional ? 'left out' : 'missing' }
    const isSame = bareType(wanted) === bareType(actual.type)
    const state = actual.generated ? 'generated' : 'there'
    return { name, from, type: actual.type, wanted: isSame ? undefined : wanted, state }
  })
  const isMapped = new Set(columns.map(({ name }) => name))
  const others = found.filter(({ name }) => !isMapped.has(name))
  return [
    ...mapped,
    ...others.map(({ name, type, isRequired }): ShownColumn => ({
      ...{ name, from: undefined, type, wanted: undefined },
      state: isRequired ? 'required' : 'unfilled',
    })),
  ]
}

function fromOf(source: ColumnSource): string {
  if (source.kind === 'property') return `msg.${source.path.join('.')}`
  return source.kind === 'payload' ? 'msg.payload' : source.kind
}

const NAMES: Readonly<Record<string, string>> = {
  bool: 'boolean',
  char: 'character',
  decimal: 'numeric',
  float4: 'real',
  float8: 'double precision',
  int: 'integer',
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
  time: 'time without time zone',
  timestamp: 'timestamp without time zone',
  timestamptz: 'timestamp with time zone',
  timetz: 'time with time zone',
  varchar: 'character varying',
}

/** Without length and constraint, by the name that PostgreSQL gives. */
export function bareType(type: string): string {
  const bare = type
    .replace(/ not null$/, '')
    .replace(/\s*\([^)]*\)/, '')
    .trim()
  return NAMES[bare] ?? bare
}
