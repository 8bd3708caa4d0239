import { nameOr, offer } from '../../editor/dialog'
import { chooseTopic, chosenCluster } from '../../editor/kafka-chooser'
import { showRows, valueOf } from '../../editor/form'
import { onlyOne } from '../../editor/presets'
import { sayWhatIsDeleted } from '../../editor/retention'
import { properties } from '../../editor/properties'

const type = 'tenant-kafka-producer'

offer(type, {
  properties: properties(type, {}, { cluster: { type: 'tenant-kafka-cluster' } }),
  presets: { cluster: onlyOne('tenant-kafka-cluster') },
  errorOutput: () => 0,
  label: nameOr('topic', 'tenant kafka producer'),
  outputLabels() {
    return this._('tenant-kafka-producer.output.rejected')
  },
  oneditprepare() {
    sayWhatIsDeleted(type, this, 'retentionMs', {
      deleted: 'tenant-kafka-producer.retention.deleted',
      kept: 'tenant-kafka-producer.retention.kept',
      forever: -1,
    })
    const isCreated = (): boolean => valueOf('#node-input-missingTopic') === 'create'
    chooseTopic({ node: this, field: '#node-input-topic', cluster: chosenCluster }, isCreated)
    showRows('#node-input-missingTopic, #node-input-deadLetters', () => ({
      '.tenant-kafka-producer-create': valueOf('#node-input-missingTopic') === 'create',
      '.tenant-kafka-producer-unstored': valueOf('#node-input-deadLetters') === 'outputUnstored',
      '.tenant-kafka-producer-stored': valueOf('#node-input-deadLetters') !== 'outputUnstored',
    }))
  },
})
