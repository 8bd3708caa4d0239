import { asker } from '../../editor/ask'
import { nameOr, offer } from '../../editor/dialog'
import { showRows, tableOf, valueOf } from '../../editor/form'
import { onlyOne } from '../../editor/presets'
import { sayWhatIsDeleted } from '../../editor/retention'
import { properties } from '../../editor/properties'
import { isVariable, type EditorNode } from '../../editor/node'
import { readPath } from '../../src/record/property-path'
import { columnFaults, inWords } from './editor/columns'
import { editColumns, takeColumns } from './editor/columns-form'
import { fits } from './editor/fits'
import { chooseTables, editPreview } from './editor/table-form'

const type = 'tenant-postgres-sink'

offer(type, {
  properties: properties(
    type,
    {
      columns(text) {
        const faults = columnFaults(text)
        return faults.length === 0 || faults.map((fault) => inWords(this, fault)).join('; ')
      },
      timeProperty: (text) => text === '' || readPath(text, 'any') !== undefined,
      pastDays: fits('pastDays'),
      compressAfterDays: fits('compressAfterDays'),
      readerRole: fits('readerRole'),
      key: fits('key'),
    },
    { database: { type: 'tenant-postgres' } },
  ),
  presets: { database: onlyOne('tenant-postgres') },
  errorOutput() {
    return this.deadLetters === 'output' || this.deadLetters === 'outputUnstored' ? 0 : undefined
  },
  label: nameOr('table', 'tenant postgres sink'),
  outputLabels() {
    return this._('tenant-postgres-sink.output.rejected')
  },
  oneditprepare() {
    sayWhatIsDeleted(type, this, 'retentionDays', {
      deleted: 'tenant-postgres-sink.retention.deleted',
      kept: 'tenant-postgres-sink.retention.kept',
      forever: 0,
    })
    showRows(
      '#node-input-tenancy, #node-input-exactlyOnce, #node-input-deadLetters, #node-input-createTable',
      () => {
        const deadLetters = valueOf('#node-input-deadLetters')
        return {
          '.tenant-postgres-sink-shared': valueOf('#node-input-tenancy') === 'shared',
          '.tenant-postgres-sink-schemas': valueOf('#node-input-tenancy') === 'schema',
          '.tenant-postgres-sink-ledger': valueOf('#node-input-exactlyOnce') === 'ledger',
          '.tenant-postgres-sink-key': valueOf('#node-input-exactlyOnce') === 'key',
          '.tenant-postgres-sink-letters': deadLetters === 'table',
          '.tenant-postgres-sink-output': deadLetters === 'output',
          '.tenant-postgres-sink-output-unstored': deadLetters === 'outputUnstored',
          '.tenant-postgres-sink-created': $('#node-input-createTable').is(':checked'),
        }
      },
    )
    $('#tenant-postgres-sink-ask-outdated').on('click', outdated(this))
    editColumns(this)
    editPreview(this)
    chooseTables()
  },
  oneditsave: takeColumns,
})

/** Instants in ISO 8601. */
interface OutdatedAnswer {
  readonly days: number
  readonly parts: readonly {
    readonly name: string
    readonly from: string
    readonly to: string
    readonly rows: number | null
    readonly bytes: number
  }[]
}

/** @returns shows what the retention would drop now */
function outdated(node: EditorNode): () => void {
  const place = $('#tenant-postgres-sink-outdated')
  const ask = asker(type, node, place, 'tenant-postgres-sink.outdated.noAnswer')

  const show = ({ days, parts }: OutdatedAnswer): void => {
    if (parts.length === 0) {
      place.text(node._('tenant-postgres-sink.outdated.none', { days }))
      return
    }
    const heads = [
      node._('tenant-postgres-sink.outdated.part'),
      node._('tenant-postgres-sink.outdated.from'),
      node._('tenant-postgres-sink.outdated.to'),
      node._('tenant-postgres-sink.outdated.rows'),
      node._('tenant-postgres-sink.outdated.size'),
    ]
    const minute = (instant: string): string => instant.slice(0, 16).replace('T', ' ')
    const rows = parts.map(({ name, from, to, rows, bytes }) => {
      const size = `${(bytes / 1_048_576).toFixed(1)} MB`
      return [name, minute(from), minute(to), rows === null ? '?' : String(rows), size]
    })
    place.append(tableOf(heads, rows))
  }

  return () => {
    const retentionDays = valueOf('#node-input-retentionDays')
    ask('outdated', isVariable(retentionDays) ? {} : { retentionDays }, show)
  }
}
