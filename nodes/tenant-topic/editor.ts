import { nameOr, offer } from '../../editor/dialog'
import { showRows, valueOf } from '../../editor/form'
import { isReadable, properties, type Check } from '../../editor/properties'
import { isVariable, textOf } from '../../editor/node'
import { kafkaTopicProblem } from '../../src/tenant/kafka-topic'
import { Template } from '../../src/tenant/templates'
import { TopicPattern } from '../../src/tenant/topic-pattern'
import { editTry } from './editor/try-form'

const type = 'tenant-topic'

/** Expressions run on names that devices choose, so they cannot look around or refer back. */
const isLinear: Check = function (text) {
  return !/\(\?<?[=!]|\\[1-9k]/.test(text) || this._('tenant-topic.error.linear')
}

/** Its names are those of the topic pattern. */
const isTemplate: Check = function (text) {
  const pattern = textOf(this.pattern)
  const isPattern = !isVariable(pattern) && isReadable(() => TopicPattern.compile(pattern))
  return !isPattern || isReadable(() => Template.compile('', text, TopicPattern.compile(pattern).names))
}

offer(type, {
  properties: properties(type, {
    pattern: (text) => isReadable(() => TopicPattern.compile(text)),
    allowedTenant: isLinear,
    allowedProject: isLinear,
    kafkaTopic(text) {
      return this.strategy !== 'shared' || kafkaTopicProblem(text) === undefined
    },
    topicTemplate(text) {
      return this.strategy !== 'template' || isTemplate.call(this, text)
    },
    keyTemplate: isTemplate,
  }),
  label: nameOr('name', 'tenant topic'),
  outputLabels(index) {
    return this._(index === 0 ? 'tenant-topic.output.matched' : 'tenant-topic.output.unmatched')
  },
  oneditprepare() {
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
