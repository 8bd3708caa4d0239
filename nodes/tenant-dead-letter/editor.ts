import { offer } from '../../editor/dialog'
import { chooseTopic, chosenCluster } from '../../editor/kafka-chooser'
import { showRows, valueOf } from '../../editor/form'
import { onlyOne } from '../../editor/presets'
import { properties } from '../../editor/properties'
import { sayWhatIsDeleted } from '../../editor/retention'
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
    sayWhatIsDeleted(type, this, 'retentionMs', {
      deleted: 'tenant-dead-letter.retention.deleted',
      kept: 'tenant-dead-letter.retention.kept',
      forever: -1,
    })
    const isCreated = (): boolean => valueOf('#node-input-missingTopic') === 'create'
    chooseTopic({ node: this, field: '#node-input-topic', cluster: chosenCluster }, isCreated)
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
