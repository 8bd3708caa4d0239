import { offer } from '../../editor/dialog'
import { showRows, valueOf } from '../../editor/form'
import { onlyOne } from '../../editor/presets'
import { properties } from '../../editor/properties'
import { textOf } from '../../editor/node'

const type = 'tenant-dead-letter'

offer(type, {
  properties: properties(
    type,
    {},
    {
      cluster: { type: 'tenant-kafka-cluster', isUsed: ({ target }) => target === 'kafka' },
      database: { type: 'tenant-postgres', isUsed: ({ target }) => target === 'table' },
    },
  ),
  presets: {
    cluster: (node) => (node['target'] === 'kafka' ? onlyOne('tenant-kafka-cluster')(node) : undefined),
    database: (node) => (node['target'] === 'table' ? onlyOne('tenant-postgres')(node) : undefined),
  },
  label() {
    return this.name || textOf(this.target === 'table' ? this.table : this.topic) || 'tenant dead letter'
  },
  oneditprepare() {
    showRows('#node-input-target, #node-input-missingTopic', () => {
      const isTopic = valueOf('#node-input-target') === 'kafka'
      return {
        '.tenant-dead-letter-kafka': isTopic,
        '.tenant-dead-letter-table': !isTopic,
        '.tenant-dead-letter-new-topic': isTopic && valueOf('#node-input-missingTopic') === 'create',
      }
    })
  },
})
