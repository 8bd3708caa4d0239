import { nameOr, offer } from '../../editor/dialog.js'
import { showRows, valueOf } from '../../editor/form.js'
import { properties, type Check } from '../../editor/properties.js'

const type = 'tenant-topic'

/** Expressions run on names that devices choose, so they cannot look around or refer back. */
const isLinear: Check = function (text) {
  return !/\(\?<?[=!]|\\[1-9k]/.test(text) || this._('tenant-topic.error.linear')
}

offer(type, {
  properties: properties(type, { allowedTenant: isLinear, allowedProject: isLinear }),
  label: nameOr('name', 'tenant topic'),
  outputLabels(index) {
    return this._(index === 0 ? 'tenant-topic.output.matched' : 'tenant-topic.output.unmatched')
  },
  oneditprepare() {
    showRows('#node-input-strategy, #node-input-deadLetters', () => {
      const isTemplate = valueOf('#node-input-strategy') === 'template'
      return {
        '.tenant-topic-shared': !isTemplate,
        '.tenant-topic-template': isTemplate,
        '.tenant-topic-unstored': valueOf('#node-input-deadLetters') === 'outputUnstored',
        '.tenant-topic-stored': valueOf('#node-input-deadLetters') !== 'outputUnstored',
      }
    })
  },
})
