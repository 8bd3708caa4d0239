/** The parts of the dialog that know the database: existing tables to choose from, and what the sink would do with its table. */
import { asker, post } from '../../../editor/ask'
import { tableOf, valueOf } from '../../../editor/form'
import { isVariable, type EditorNode } from '../../../editor/node'
import { options } from '../../../editor/options'
import { IDENTIFIER } from '../../../src/postgres/connect/name-option'

const type = 'tenant-postgres-sink'
/** Kinds of layout, and what they are called. */
const LAYOUTS: Readonly<Record<string, string>> = {
  plain: 'tenant-postgres-sink.preview.plain',
  'by day': 'tenant-postgres-sink.preview.byDay',
  hypertable: 'tenant-postgres-sink.preview.hypertable',
  'foreign partitions': 'tenant-postgres-sink.preview.foreign',
}
const STATES: Readonly<Record<string, string>> = {
  missing: 'tenant-postgres-sink.preview.missing',
  'left out': 'tenant-postgres-sink.preview.leftOut',
  generated: 'tenant-postgres-sink.preview.generated',
  unfilled: 'tenant-postgres-sink.preview.unfilled',
  required: 'tenant-postgres-sink.preview.required',
}
const WRONG = ['missing', 'generated', 'required']

interface ShownColumn {
  readonly name: string
  readonly from?: string
  readonly type: string
  readonly wanted?: string
  readonly state: string
}

interface TablePreview {
  readonly table: string
  readonly exists: boolean
  readonly layout?: string
  readonly columns: readonly ShownColumn[]
  readonly problem?: string
  readonly statements: readonly string[]
}

interface ExistingTables {
  readonly schemas: readonly string[]
  readonly tables: readonly { readonly schema: string; readonly table: string }[]
}

const databaseId = (): string => valueOf('#node-input-database')
const isChosen = (id: string): boolean => id !== '' && id !== '_ADD_'

export function editPreview(node: EditorNode): void {
  const result = $('<div id="tenant-postgres-sink-previewed" role="status">').css({
    marginTop: 8,
    overflowX: 'auto',
  })
  const button = $('<button type="button" class="red-ui-button">')
    .append('<i class="fa fa-eye"></i> ', $('<span>').text(node._('tenant-postgres-sink.preview.show')))
    .on('click', () => show())
  $('#tenant-postgres-sink-preview').addClass('form-row').empty().append(button, result)

  const show = (): void => {
    result.empty()
    if (!isChosen(databaseId())) return void result.text(node._('tenant-postgres-sink.preview.noDatabase'))
    const values = valuesOfDialog()
    if (Object.values(values).some((value) => typeof value === 'string' && isVariable(value)))
      return void result.text(node._('tenant-postgres-sink.preview.variable'))
    const asked = { ...node, id: databaseId() }
    asker(
      'tenant-postgres',
      asked,
      result,
      'tenant-postgres-sink.preview.noAnswer',
    )('table-preview', values, (preview: TablePreview) => result.append(partsOf(node, preview)))
  }
}

function valuesOfDialog(): Record<string, string | boolean> {
  const names = Object.entries(options[type] ?? {})
  return Object.fromEntries(
    names.map(([name, { kind }]) => {
      const field = `#node-input-${name}`
      return [name, kind === 'flag' ? $(field).is(':checked') : valueOf(field)]
    }),
  )
}

function partsOf(node: EditorNode, preview: TablePreview): JQuery[] {
  const { table, exists, layout, columns, problem, statements } = preview
  const key = exists ? 'tenant-postgres-sink.preview.exists' : 'tenant-postgres-sink.preview.missingTable'
  const head = $('<div>').css({ marginBottom: 8, overflowWrap: 'anywhere' }).append($('<b>').text(table))
  head.append(
    $('<span>').text(` ${node._(key)}${layout === undefined ? '' : ` ${node._(LAYOUTS[layout] ?? '')}`}`),
  )
  const parts = [head]
  if (problem !== undefined)
    parts.push(
      $('<div>').text(problem).css({ color: 'var(--red-ui-text-color-error)', overflowWrap: 'anywhere' }),
    )
  const heads = [
    node._('tenant-postgres-sink.preview.column'),
    node._('tenant-postgres-sink.preview.type'),
    node._('tenant-postgres-sink.preview.from'),
  ]
  const rows = columns.map((column) => [column.name, typeCell(node, column), fromCell(node, column)])
  parts.push(tableOf(heads, rows), sqlOf(node, statements))
  return parts
}

const faint = { color: 'var(--red-ui-secondary-text-color)' }

function typeCell(node: EditorNode, { type: shown, wanted }: ShownColumn): JQuery {
  const cell = $('<span>').text(shown)
  if (wanted === undefined) return cell
  return cell.append($('<div>').css(faint).text(node._('tenant-postgres-sink.preview.wanted', { wanted })))
}

function fromCell(node: EditorNode, { from, state }: ShownColumn): JQuery {
  const cell = $('<span>').text(from ?? '')
  if (state === 'new' || state === 'there') return cell
  const colour = WRONG.includes(state) ? { color: 'var(--red-ui-text-color-error)' } : faint
  return cell.append(
    $('<div>')
      .css(colour)
      .text(node._(STATES[state] ?? '')),
  )
}

function sqlOf(node: EditorNode, statements: readonly string[]): JQuery {
  if (statements.length === 0)
    return $('<div>').css({ marginTop: 8 }).text(node._('tenant-postgres-sink.preview.noSql'))
  const count = statements.length
  return $('<details class="tenant-pipeline-section">')
    .css({ marginTop: 8 })
    .append(
      $('<summary>').text(node._('tenant-postgres-sink.preview.sql', { count })),
      $('<pre id="tenant-postgres-sink-sql">')
        .css({
          whiteSpace: 'pre-wrap',
          overflowWrap: 'anywhere',
          fontSize: 11,
          maxHeight: 300,
          overflowY: 'auto',
        })
        .text(statements.map((statement) => `${statement};`).join('\n\n')),
    )
}

/** The names that the database has, while one is typed. It is asked once per database. */
export function chooseTables(): void {
  let asked: string | undefined
  let known: Promise<ExistingTables> | undefined
  const ask = (): Promise<ExistingTables> => {
    const id = databaseId()
    if (known !== undefined && asked === id) return known
    asked = id
    known = isChosen(id) ? tablesOf(id) : Promise.resolve({ schemas: [], tables: [] })
    return known
  }
  const offer = (field: string, names: (all: ExistingTables) => readonly string[]): void => {
    $(field).autoComplete({
      minLength: 0,
      search: (typed, done) => void ask().then((all) => done(matching(names(all), typed))),
    })
  }
  offer('#node-input-schema', ({ schemas }) => schemas)
  offer('#node-input-table', ({ tables }) =>
    tables.filter(({ schema }) => schema === valueOf('#node-input-schema')).map(({ table }) => table),
  )
}

/** Nothing to choose from is no reason to disturb. */
const tablesOf = (id: string): Promise<ExistingTables> =>
  new Promise((resolve) => {
    post(`tenant-postgres/${id}/tables`)
      .done((answer: unknown) => resolve(answer as ExistingTables))
      .fail(() => resolve({ schemas: [], tables: [] }))
  })

/** Only names that the sink takes. */
function matching(names: readonly string[], typed: string): { value: string; label: JQuery }[] {
  const wanted = typed.toLowerCase()
  return names
    .filter((name) => IDENTIFIER.test(name) && name.toLowerCase().includes(wanted) && name !== typed)
    .slice(0, 20)
    .map((value) => ({ value, label: $('<span>').text(value) }))
}
