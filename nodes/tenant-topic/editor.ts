import { nameOr, offer } from '../../editor/dialog'
import { chooseTopic } from '../../editor/kafka-chooser'
import { showRows, valueOf } from '../../editor/form'
import { isReadable, properties, type Check } from '../../editor/properties'
import { isVariable, textOf, type EditorNode } from '../../editor/node'
import { options } from '../../editor/options'
import { nodesAlong } from '../../editor/wires'
import { compileLinear, NOT_IN_RE2 } from '../../src/config/linear-pattern'
import { Template } from '../../src/tenant/templates'
import { TopicPattern } from '../../src/tenant/topic-pattern'
import { editTry } from './editor/try-form'
import { sharedTopic, topicTemplate } from '../../src/tenant/topic-template'

const type = 'tenant-topic'

/** Expressions run on names that devices choose, so they cannot look around or refer back. */
const isLinear: Check = function (text) {
  return NOT_IN_RE2.test(text) ? this._('shared.reason.lookAround') : isReadable(() => compileLinear(text))
}

/** The topic pattern whose names a template may use; while it is wrong itself, no template is. */
function readWith(node: EditorNode, read: (pattern: TopicPattern) => unknown): boolean {
  const pattern = textOf(node.pattern) || String(options[type]?.pattern?.default)
  if (isVariable(pattern) || !isReadable(() => TopicPattern.compile(pattern))) return true
  return isReadable(() => read(TopicPattern.compile(pattern)))
}

offer(type, {
  properties: properties(type, {
    pattern: (text) => isReadable(() => TopicPattern.compile(text)),
    allowedTenant: isLinear,
    allowedProject: isLinear,
    kafkaTopic(text) {
      return this.strategy === 'template' || isReadable(() => sharedTopic(text))
    },
    topicTemplate(text) {
      return this.strategy !== 'template' || readWith(this, (pattern) => topicTemplate(text, pattern))
    },
    keyTemplate(text) {
      return readWith(this, ({ names }) => Template.compile('key', text, names))
    },
  }),
  errorOutput: () => 1,
  label: nameOr('name', 'tenant topic'),
  outputLabels(index) {
    return this._(index === 0 ? 'tenant-topic.output.matched' : 'tenant-topic.output.unmatched')
  },
  oneditprepare() {
    const producer = (): EditorNode | undefined =>
      nodesAlong(this, 'downstream').find((node) => node.type === 'tenant-kafka-producer')
    chooseTopic(
      { node: this, field: '#node-input-kafkaTopic', cluster: () => textOf(producer()?.cluster) },
      () => producer()?.missingTopic === 'create',
    )
    editTry(this)
    showRows('#node-input-strategy, #node-input-deadLetters', () => {
      const isShared = valueOf('#node-input-strategy') !== 'template'
      return {
        '.tenant-topic-shared': isShared,
        '.tenant-topic-template': !isShared,
        '.tenant-topic-unstored': valueOf('#node-input-deadLetters') === 'outputUnstored',
        '.tenant-topic-stored': valueOf('#node-input-deadLetters') !== 'outputUnstored',
      }
    })
  },
})
