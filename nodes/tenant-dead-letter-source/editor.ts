import { nameOr, offer } from '../../editor/dialog'
import { onlyOne } from '../../editor/presets'
import { isReadable, properties } from '../../editor/properties'
import { editLetters } from './editor/letters-form'
import { parseFilterTime } from '../../src/postgres/replay/dead-letter-filter'

const type = 'tenant-dead-letter-source'

offer(type, {
  properties: properties(
    type,
    {
      from: (text) => isReadable(() => parseFilterTime('from', text)),
      to: (text) => isReadable(() => parseFilterTime('to', text)),
    },
    { database: { type: 'tenant-postgres' } },
  ),
  presets: { database: onlyOne('tenant-postgres') },
  label: nameOr('table', 'tenant dead letter source'),
  outputLabels(index) {
    return this._(
      index === 0 ? 'tenant-dead-letter-source.output.letters' : 'tenant-dead-letter-source.output.answer',
    )
  },
  oneditprepare() {
    editLetters(this)
  },
  button: {
    enabled() {
      return !this.changed
    },
    onclick() {
      void $.ajax({ url: `${type}/${encodeURIComponent(this.id)}`, type: 'POST' })
        .done(() => {
          RED.notify(this._('tenant-dead-letter-source.notify.started'), { type: 'success', timeout: 2000 })
        })
        .fail(({ status }) => {
          const key =
            status === 404
              ? 'tenant-dead-letter-source.notify.notDeployed'
              : 'tenant-dead-letter-source.notify.failed'
          RED.notify(this._(key), 'error')
        })
    },
  },
})
