import { asker } from '../../editor/ask'
import { nameOr, offer } from '../../editor/dialog'
import { showRows, tableOf, valueOf } from '../../editor/form'
import { isVariable, type EditorNode } from '../../editor/node'
import { onlyOne } from '../../editor/presets'
import { isReadable, properties } from '../../editor/properties'
import { readParameters } from '../../src/postgres/apply/parameters'

const type = 'tenant-postgres-apply'

offer(type, {
  properties: properties(
    type,
    {
      parameters(text) {
        return isReadable(() => readParameters(text)) || this._('tenant-postgres-apply.parameters.wrong')
      },
    },
    { database: { type: 'tenant-postgres' } },
  ),
  presets: { database: onlyOne('tenant-postgres') },
  errorOutput() {
    return this.deadLetters === 'output' || this.deadLetters === 'outputUnstored' ? 0 : undefined
  },
  label: nameOr('ledgerName', 'tenant postgres apply'),
  outputLabels() {
    return this._('tenant-postgres-apply.output.rejected')
  },
  oneditprepare() {
    showRows('#node-input-deadLetters', () => {
      const deadLetters = valueOf('#node-input-deadLetters')
      return {
        '.tenant-postgres-apply-letters': deadLetters === 'table',
        '.tenant-postgres-apply-output': deadLetters === 'output',
        '.tenant-postgres-apply-output-unstored': deadLetters === 'outputUnstored',
      }
    })
    $('#tenant-postgres-apply-ask').on('click', checkIn(this))
  },
})

interface StatementAnswer {
  readonly parameters: readonly { readonly name: string; readonly type: string }[]
}

/** @returns shows what PostgreSQL says of the statement as it is in the dialog; nothing is run */
function checkIn(node: EditorNode): () => void {
  const place = $('#tenant-postgres-apply-checked')
  return () => {
    const id = valueOf('#node-input-database')
    const [statement, parameters] = [valueOf('#node-input-statement'), valueOf('#node-input-parameters')]
    const say = (key: string): void => {
      place.empty().append($('<div class="form-tips">').text(node._(key)))
    }
    if (id === '' || id === '_ADD_') return say('tenant-postgres-apply.check.noDatabase')
    if (isVariable(statement) || isVariable(parameters)) return say('tenant-postgres-apply.check.variable')
    const ask = asker(
      'tenant-postgres',
      Object.assign(Object.create(node) as EditorNode, { id }),
      place,
      'tenant-postgres-apply.check.noAnswer',
    )
    ask('statement', { statement, parameters }, (answer: StatementAnswer) => {
      const sources = parameters.split(',').map((source) => source.trim())
      const heads = [
        node._('tenant-postgres-apply.check.parameter'),
        node._('tenant-postgres-apply.check.from'),
        node._('tenant-postgres-apply.check.type'),
      ]
      const rows = answer.parameters.map(({ name, type }, at) => [name, sources[at] ?? '', type])
      place.append($('<div>').text(node._('tenant-postgres-apply.check.fine')), tableOf(heads, rows))
    })
  }
}
