import { chooseGroup, chooseTopics, chosenCluster } from '../../editor/kafka-chooser'
import { nameOr, offer } from '../../editor/dialog'
import { showRows, valueOf } from '../../editor/form'
import { nameOfFlow, onlyOne } from '../../editor/presets'
import { sayWhatIsDeleted } from '../../editor/retention'
import { isReadable, properties } from '../../editor/properties'
import { NOT_IN_RE2 } from '../../src/config/linear-pattern'
import { parseTopics } from '../../src/kafka/topic-selection'
import { TopicNames } from '../../src/kafka/topics/topic-names'
import { parseInstant } from '../../src/time/instant'
import { editSample } from './editor/sample-form'
import { stoppedPartitions } from './editor/stopped-form'
import { databaseOfSinks, onlyTopic, showHints, writtenTopics } from './editor/surroundings'

const type = 'tenant-kafka-consumer'

offer(type, {
  properties: properties(
    type,
    {
      topics(text) {
        const isPattern = text.trim().startsWith('/')
        if (isPattern && NOT_IN_RE2.test(text)) return this._('shared.reason.lookAround')
        return isReadable(() => parseTopics(text))
      },
      topicPattern: (text) => text === '' || isReadable(() => TopicNames.compile(text)),
      startTime(text) {
        return this.start !== 'time' || parseInstant(text) !== undefined
      },
    },
    {
      cluster: { type: 'tenant-kafka-cluster' },
      database: { type: 'tenant-postgres', isOptional: true },
    },
  ),
  presets: {
    cluster: onlyOne('tenant-kafka-cluster'),
    database: databaseOfSinks,
    topics: onlyTopic,
    group: nameOfFlow,
  },
  errorOutput: () => 1,
  label: nameOr('topics', 'tenant kafka consumer'),
  outputLabels(index) {
    return this._(
      index === 0 ? 'tenant-kafka-consumer.output.records' : 'tenant-kafka-consumer.output.failed',
    )
  },
  oneditprepare() {
    sayWhatIsDeleted(type, this, 'retentionMs', {
      deleted: 'tenant-kafka-consumer.retention.deleted',
      kept: 'tenant-kafka-consumer.retention.kept',
      forever: -1,
    })
    editSample(this)
    chooseTopics({ node: this, field: '#node-input-topics', cluster: chosenCluster }, () =>
      writtenTopics(this),
    )
    chooseGroup({ node: this, field: '#node-input-group', cluster: chosenCluster }, '#node-input-topics')
    const show = stoppedPartitions(this, $('#tenant-kafka-consumer-stopped'))
    showHints(this)
    $('#tenant-kafka-consumer-show-stopped').on('click', show)
    showRows('#node-input-mode, #node-input-start, #node-input-missingTopic', () => ({
      '.tenant-kafka-consumer-record': valueOf('#node-input-mode') === 'record',
      '.tenant-kafka-consumer-time': valueOf('#node-input-start') === 'time',
      '.tenant-kafka-consumer-create': valueOf('#node-input-missingTopic') === 'create',
    }))
  },
})
