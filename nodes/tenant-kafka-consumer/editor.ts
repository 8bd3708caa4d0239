import { asker, confirm } from '../../editor/ask'
import { chooseGroup, chooseTopics, chosenCluster } from '../../editor/kafka-chooser'
import { nameOr, offer } from '../../editor/dialog'
import type { EditorNode } from '../../editor/node'
import { showRows, valueOf } from '../../editor/form'
import { nameOfFlow, onlyOne } from '../../editor/presets'
import { sayWhatIsDeleted } from '../../editor/retention'
import { isReadable, properties } from '../../editor/properties'
import { NOT_IN_RE2 } from '../../src/config/linear-pattern'
import { parseTopics } from '../../src/kafka/topic-selection'
import { TopicNames } from '../../src/kafka/topics/topic-names'
import { parseInstant } from '../../src/time/instant'
import { editSample } from './editor/sample-form'
import { databaseOfSinks, onlyTopic, showHints, writtenTopics } from './editor/surroundings'

const type = 'tenant-kafka-consumer'

interface StoppedPartition {
  readonly topic: string
  readonly partition: number
  /** Where the group is to read next. */
  readonly nextOffset: number
  /** What Kafka has. */
  readonly earliest: number
  readonly latest: number
  /** Why it has stopped. */
  readonly message: string
}

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
    const show = stoppedPartitions(this)
    showHints(this)
    $('#tenant-kafka-consumer-show-stopped').on('click', show)
    showRows('#node-input-mode, #node-input-start, #node-input-missingTopic', () => ({
      '.tenant-kafka-consumer-record': valueOf('#node-input-mode') === 'record',
      '.tenant-kafka-consumer-time': valueOf('#node-input-start') === 'time',
      '.tenant-kafka-consumer-create': valueOf('#node-input-missingTopic') === 'create',
    }))
  },
})

/** @returns lists the partitions that have stopped, each with where it is to read again */
function stoppedPartitions(node: EditorNode): () => void {
  const place = $('#tenant-kafka-consumer-stopped')
  const ask = asker(type, node, place, 'tenant-kafka-consumer.stopped.noAnswer')

  const show = (): void =>
    ask('stopped', {}, ({ partitions }: { readonly partitions: readonly StoppedPartition[] }) => {
      if (partitions.length === 0) place.text(node._('tenant-kafka-consumer.stopped.none'))
      else place.append(partitions.map(partOf))
    })

  const partOf = (stopped: StoppedPartition): JQuery => {
    const { nextOffset, earliest, latest, message } = stopped
    const isThere = nextOffset >= earliest && nextOffset <= latest
    const input = $<HTMLInputElement>('<input type="number" style="width: 120px">')
      .attr({ min: earliest, max: latest })
      .val(isThere ? nextOffset : earliest)
    const button = $('<button type="button" class="red-ui-button">')
      .text(node._('tenant-kafka-consumer.stopped.goOn'))
      .on('click', () => {
        if (input[0]?.reportValidity() && input.val() !== '') release(stopped, Number(input.val()))
      })
    const range = node._('tenant-kafka-consumer.stopped.range', { earliest, latest })
    return $('<div style="margin-bottom: 12px">').append(
      $('<div class="form-tips" style="max-width: none">').text(message),
      $('<span>').text(`${node._('tenant-kafka-consumer.stopped.at')} `),
      input,
      $('<span>').text(` (${range}) `),
      button,
    )
  }

  const release = ({ topic, partition, nextOffset }: StoppedPartition, offset: number): void => {
    const values = { topic, partition, offset, nextOffset, last: offset - 1, count: offset - nextOffset }
    const words =
      offset > nextOffset
        ? node._('tenant-kafka-consumer.stopped.skip', values)
        : offset < nextOffset
          ? node._('tenant-kafka-consumer.stopped.back', values)
          : node._('tenant-kafka-consumer.stopped.again', values)
    const answers = {
      no: node._('tenant-kafka-consumer.stopped.keep'),
      yes: node._('tenant-kafka-consumer.stopped.goOn'),
    }
    confirm(words, answers, () => ask('stopped/release', { topic, partition, offset }, show))
  }

  return show
}
