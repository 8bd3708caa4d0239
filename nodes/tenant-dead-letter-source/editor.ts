import { nameOr, offer } from '../../editor/dialog'
import { properties } from '../../editor/properties'

const type = 'tenant-dead-letter-source'

offer(type, {
  properties: properties(type, {
    from: 'tenant-dead-letter-source.error.time',
    to: 'tenant-dead-letter-source.error.time',
  }),
  label: nameOr('table', 'tenant dead letter source'),
  outputLabels(index) {
    return this._(
      index === 0 ? 'tenant-dead-letter-source.output.letters' : 'tenant-dead-letter-source.output.answer',
    )
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
