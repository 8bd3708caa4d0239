/**
 * Shows the columns as a list, or as their text: an environment variable, or what a list cannot show. The text is what
 * is saved, and stays as it was written while the rows say the same.
 */
import { valueOf } from '../../../editor/form'
import { isVariable, textOf, type EditorNode } from '../../../editor/node'
import { pathsUpstream } from './sample-paths'
import {
  columnFaults,
  defaultEntries,
  inWords,
  isListable,
  listOf,
  pathFault,
  SPECIAL_SOURCES,
  tidied,
  type Entry,
} from './columns'

/** Of the list. A new one has no entry yet. */
interface Row {
  entry?: Entry
  name: JQuery
  source: JQuery
  type: JQuery
}

/** Offered while a property is being typed. */
const PROPERTIES = [
  ...['payload', 'payload.', 'tenant', 'project', 'device', 'topic', 'messageId', 'levels.'],
  ...['kafka.topic', 'kafka.partition', 'kafka.offset', 'kafka.timestamp', 'kafka.key', 'kafka.headers.'],
]

export function editColumns(node: EditorNode): void {
  const sampled = pathsUpstream(node)
  const text = $('#node-input-columns')
  const list = $('#tenant-postgres-sink-columns')
  let isList = false
  let asWritten = ''

  const rows = (): Row[] =>
    list
      .editableList('items')
      .toArray()
      .map((item) => $(item).data('data') as Row)
      // One that was removed stays for as long as it takes to fade.
      .filter(({ name }) => name.closest('.red-ui-editableList-item-deleting').length === 0)

  const check = (): void => {
    const all = isList ? rows() : []
    const shown = isList ? JSON.stringify(all.map(entryOf)) : valueOf('#node-input-columns')
    const isFine = (isList && all.length === 0) || isVariable(shown)
    const faults = isFine ? [] : columnFaults(shown)
    $('#tenant-postgres-sink-columns-faults')
      .toggle(faults.length > 0)
      .empty()
      .append(faults.map((fault) => $('<div>').text(inWords(node, fault))))
    all.forEach((row, index) => {
      const isWrong = (field: keyof Entry): boolean =>
        faults.some((fault) => fault.index === index && fault.field === field)
      row.name.toggleClass('input-error', isWrong('column'))
      row.type.toggleClass('input-error', isWrong('type'))
      row.type.attr('placeholder', typeWithoutOne(fromOf(row)))
    })
    $('#tenant-postgres-sink-columns-default, #tenant-postgres-sink-columns-fill').toggle(
      isList && all.length === 0,
    )
  }

  const textOfRows = (): string => {
    const entries = JSON.stringify(rows().map(entryOf))
    if (entries === '[]') return asWritten.trim() === '' ? asWritten : ''
    return entries === JSON.stringify(listOf(asWritten)) ? asWritten : entries
  }

  const take = (): void => {
    if (isList) text.val(textOfRows())
    check()
  }

  const show = (asList: boolean): void => {
    isList = asList
    if (isList) {
      asWritten = valueOf('#node-input-columns')
      list.editableList('empty')
      for (const entry of listOf(asWritten) ?? []) list.editableList('addItem', { entry })
    }
    $('.tenant-postgres-sink-columns-list').toggle(isList)
    $('.tenant-postgres-sink-columns-text').toggle(!isList)
    take()
  }

  list.editableList<Row>({
    header: headings(node),
    height: 'auto',
    sortable: true,
    removable: true,
    buttons: [
      {
        id: 'tenant-postgres-sink-columns-fill',
        icon: 'fa fa-table',
        label: node._('tenant-postgres-sink.columns.fill'),
        click: () => {
          for (const entry of defaultEntries(valueOf('#node-input-timeProperty') !== ''))
            list.editableList('addItem', { entry })
        },
      },
      {
        id: 'tenant-postgres-sink-columns-as-text',
        icon: 'fa fa-code',
        label: node._('tenant-postgres-sink.columns.asText'),
        click: () => show(false),
      },
    ],
    sortItems: take,
    removeItem: take,
    addItem: (container, _index, row) => {
      const isNew = row.entry === undefined
      fillRow(node, container, row, sampled)
      container.on('input change keyup', 'input', take)
      if (isNew) row.name.trigger('focus')
      take()
    },
  })
  $('#tenant-postgres-sink-columns-as-list').on('click', () => {
    if (isListable(valueOf('#node-input-columns'))) show(true)
  })
  text.val(textOf(node.columns)).on('input change tenant-columns-take', take)
  $('#node-input-payloadType').on('change', check)
  show(isListable(valueOf('#node-input-columns')))
}

/** What a completion has put into a field with the Tab key has raised no change event. */
export function takeColumns(): void {
  $('#node-input-columns').trigger('tenant-columns-take')
}

function fromOf({ source }: Row): string {
  const type = source.typedInput('type')
  return type === 'msg' ? source.typedInput('value') : type
}

function entryOf(row: Row): Entry {
  const textIn = (field: JQuery): string => String(field.val()).trim()
  return {
    ...row.entry,
    column: textIn(row.name),
    from: fromOf(row),
    type: textIn(row.type) || undefined,
  }
}

function typeWithoutOne(from: string): string {
  if (from === 'time') return 'timestamptz not null'
  return from === 'payload' ? valueOf('#node-input-payloadType') : 'text'
}

/** Side by side, in the heading as in the rows. */
function cells(name: JQuery, source: JQuery, type: JQuery): JQuery[] {
  return [
    name.css({ flex: '0 0 28%', minWidth: 0 }),
    source.css({ flex: '1 1 0', minWidth: 0 }),
    type.css({ flex: '0 0 26%', minWidth: 0 }),
  ]
}

function headings(node: EditorNode): JQuery {
  return $('<div>')
    .css({ display: 'flex', gap: '6px', padding: '4px 34px 4px 28px' })
    .append(
      cells(
        $('<div>').text(node._('tenant-postgres-sink.columns.column')),
        $('<div>').text(node._('tenant-postgres-sink.columns.source')),
        $('<div>').text(node._('tenant-postgres-sink.columns.type')),
      ),
    )
}

function fillRow(node: EditorNode, container: JQuery, row: Row, sampled: readonly string[]): void {
  row.entry ??= {}
  const { column, from, type } = row.entry
  const field = (value: string | undefined, label: string): JQuery =>
    $('<input type="text">')
      .val(value ?? '')
      .attr('aria-label', label)
  row.name = field(column, node._('tenant-postgres-sink.columns.column'))
  row.type = field(type, node._('tenant-postgres-sink.columns.type'))
  row.type.attr('title', node._('tenant-postgres-sink.columns.typeTip'))
  const place = $('<div>')
  container.css({ display: 'flex', gap: '6px' }).append(cells(row.name, place, row.type))
  row.source = $('<input type="text" style="width: 100%">').appendTo(place)
  row.source.typedInput({ types: sources(node, sampled), default: 'msg' })
  const isSpecial = from !== undefined && SPECIAL_SOURCES.includes(from)
  row.source.typedInput('type', isSpecial ? from : 'msg')
  if (!isSpecial) row.source.typedInput('value', from ?? '')
  place.find('.red-ui-typedInput-input').on('change', function (event) {
    // Only what the user has typed: what was stored is shown as it is.
    if (event.originalEvent === undefined || row.source.typedInput('type') !== 'msg') return
    const path = tidied(String($(this).val()))
    // `from` has these words for something else than a property.
    if (SPECIAL_SOURCES.includes(path)) row.source.typedInput('type', path)
    else if (path !== $(this).val()) row.source.typedInput('value', path)
  })
}

function sources(node: EditorNode, sampled: readonly string[]): TypedInputType[] {
  const placeIn = (name: string, typed: string): number => name.toLowerCase().indexOf(typed.toLowerCase())
  return [
    {
      value: 'msg',
      label: 'msg.',
      validate: (from) => {
        const fault = pathFault(from)
        return fault === undefined || node._(fault)
      },
      autoComplete: (typed) =>
        [...new Set([...PROPERTIES, ...sampled])]
          .filter((name) => placeIn(name, typed) >= 0)
          .sort((a, b) => placeIn(a, typed) - placeIn(b, typed)),
    },
    {
      value: 'time',
      label: node._('tenant-postgres-sink.columns.time'),
      icon: 'fa fa-clock-o',
      hasValue: false,
    },
    {
      value: 'timeSource',
      label: node._('tenant-postgres-sink.columns.timeSource'),
      icon: 'fa fa-question-circle-o',
      hasValue: false,
    },
  ]
}
