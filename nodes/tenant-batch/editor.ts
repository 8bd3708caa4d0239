import { offer } from '../../editor/dialog'
import { showRows, valueOf } from '../../editor/form'
import { properties } from '../../editor/properties'

const type = 'tenant-batch'

offer(type, {
  properties: properties(type),
  label() {
    return this.name || this._(this.mode === 'join' ? 'tenant-batch.shown.join' : 'tenant-batch.shown.split')
  },
  oneditprepare() {
    showRows('#node-input-mode', () => {
      const joins = valueOf('#node-input-mode') === 'join'
      return { '.tenant-batch-split': !joins, '.tenant-batch-join': joins }
    })
  },
})
