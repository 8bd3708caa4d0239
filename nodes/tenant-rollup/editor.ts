import { nameOr, offer } from '../../editor/dialog'
import { showRows } from '../../editor/form'
import { onlyOne } from '../../editor/presets'
import { properties } from '../../editor/properties'
import { readMetrics } from '../../src/postgres/rollup/metrics'
import { readPath } from '../../src/record/property-path'

const type = 'tenant-rollup'
const LENGTHS = ['minute', 'quarter', 'hour', 'day'] as const

offer(type, {
  properties: properties(
    type,
    {
      metrics: (text) => readMetrics(text) !== undefined,
      timeProperty: (text) => text === '' || readPath(text, 'any') !== undefined,
    },
    { database: { type: 'tenant-postgres' } },
  ),
  presets: { database: onlyOne('tenant-postgres') },
  label: nameOr('table', 'tenant rollup'),
  outputLabels() {
    return this._('tenant-rollup.output.changed')
  },
  oneditprepare() {
    const isChosen = (length: string): boolean => $(`#node-input-${length}`).is(':checked')
    showRows([...LENGTHS, 'createTable'].map((name) => `#node-input-${name}`).join(', '), () => {
      const created = $('#node-input-createTable').is(':checked')
      return {
        '.tenant-rollup-none': !LENGTHS.some(isChosen),
        '.tenant-rollup-kept': created && LENGTHS.some(isChosen),
        ...Object.fromEntries(
          LENGTHS.map((length) => [`.tenant-rollup-${length}`, created && isChosen(length)]),
        ),
      }
    })
  },
})
