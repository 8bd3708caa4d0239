import { offer } from '../../editor/dialog'
import { showRows, valueOf } from '../../editor/form'
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
