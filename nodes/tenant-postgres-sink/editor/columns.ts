/** The column mapping as the dialog has it: a text, or a list of entries, and what the node would refuse of it. */
import { COLUMN_TYPE, defaultColumns, type ColumnSource } from '../../../src/postgres/rows/columns'
import { IDENTIFIER } from '../../../src/postgres/connect/name-option'
import { readPath } from '../../../src/record/property-path'
import type { EditorNode } from '../../../editor/node'

/** Further properties stay as they were written. */
export interface Entry {
  readonly column?: string
  readonly from?: string
  readonly type?: string | undefined
}

/** Without an index it is the text as a whole. */
export interface Fault {
  /** Of the words. */
  readonly key: string
  readonly index?: number
  readonly field?: keyof Entry
  /** The column that the entry names. */
  readonly name?: unknown
}

/** Sources that are no property; what `from` calls them is their type in the typed input. */
export const SPECIAL_SOURCES: readonly unknown[] = ['time', 'timeSource']

/** @returns `undefined` when the text is no list, or no JSON */
export function listOf(text: string): unknown[] | undefined {
  try {
    const list = JSON.parse(text) as unknown
    return Array.isArray(list) ? list : undefined
  } catch {
    return undefined
  }
}

/** Whether rows can show all of it. */
export function isListable(text: string): boolean {
  if (text.trim() === '') return true
  const isText = (field: unknown): boolean => field === undefined || typeof field === 'string'
  return (listOf(text) ?? [undefined]).every((entry) => {
    if (!entry || typeof entry !== 'object' || Array.isArray(entry)) return false
    const { column, from, type } = entry as Record<string, unknown>
    return [column, from, type].every(isText)
  })
}

/** The default columns, with the types that they would not have anyway. */
export function defaultEntries(timeFromDevice: boolean): Entry[] {
  return defaultColumns('jsonb', timeFromDevice).map(({ name, source, type }) => ({
    column: name,
    from: fromOf(source),
    ...(source.kind === 'property' && type !== 'text' && { type }),
  }))
}

function fromOf(source: ColumnSource): string {
  if (source.kind === 'property') return source.path.join('.')
  return source.kind === 'time source' ? 'timeSource' : source.kind
}

/** The key of the words that say why this is the path of no property; `undefined`: it is one. */
export function pathFault(from: string): string | undefined {
  if (readPath(from, 'known') !== undefined) return undefined
  // Any path leads somewhere in a payload, unless it is none.
  const isPath = readPath(`payload.${from}`, 'any') !== undefined
  return isPath ? 'tenant-postgres-sink.columns.unknownSource' : 'tenant-postgres-sink.columns.badSource'
}

/** What the node would refuse. */
export function columnFaults(text: string): Fault[] {
  if (text.trim() === '') return []
  const list = listOf(text)
  if (list === undefined || list.length === 0) return [{ key: 'tenant-postgres-sink.columns.noList' }]
  const entries = list.map((entry) => (entry ?? {}) as Record<keyof Entry, unknown>)
  return entries.flatMap(({ column, from, type }, index) => {
    const isTwice = entries.findIndex((other) => other.column === column) !== index
    const keys = { column: nameFault(column, isTwice), from: sourceFault(from), type: typeFault(type) }
    return Object.entries(keys).flatMap(([field, key]) =>
      key === undefined ? [] : [{ index, name: column, field: field as keyof Entry, key }],
    )
  })
}

function nameFault(column: unknown, isTwice: boolean): string | undefined {
  if (column === undefined || column === '') return 'tenant-postgres-sink.columns.noName'
  if (typeof column !== 'string' || !IDENTIFIER.test(column)) return 'tenant-postgres-sink.columns.badName'
  return isTwice ? 'tenant-postgres-sink.columns.twice' : undefined
}

function sourceFault(from: unknown): string | undefined {
  if (from === undefined || from === '') return 'tenant-postgres-sink.columns.noSource'
  if (typeof from !== 'string') return 'tenant-postgres-sink.columns.badSource'
  return SPECIAL_SOURCES.includes(from) ? undefined : pathFault(from)
}

function typeFault(type: unknown): string | undefined {
  const isType = type === undefined || (typeof type === 'string' && COLUMN_TYPE.test(type))
  return isType ? undefined : 'tenant-postgres-sink.columns.badType'
}

export function inWords(node: EditorNode, { index, name, key }: Fault): string {
  if (index === undefined) return node._(key)
  // The editor shows the words of a validator as HTML: what is no name may be a script of an imported flow.
  const row =
    typeof name === 'string' && IDENTIFIER.test(name)
      ? node._('tenant-postgres-sink.columns.namedRow', { row: index + 1, name })
      : node._('tenant-postgres-sink.columns.row', { row: index + 1 })
  return `${row}: ${node._(key)}`
}

/** As a path of `from`: a property that was copied elsewhere may have brackets, `values[0]["a b"]`. */
export function tidied(property: string): string {
  return property
    .trim()
    .replace(
      /\[(?:(\d+)|"([^".\]]+)"|'([^'.\]]+)')\]/g,
      (_match, number?: string, double?: string, single?: string) => `.${number ?? double ?? single ?? ''}`,
    )
}
