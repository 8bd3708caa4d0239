import { nameOr, offer } from '../../editor/dialog'
import { showRows, valueOf } from '../../editor/form'
import { properties } from '../../editor/properties'
import { faultsInWords } from './editor/entries'
import { editRules } from './editor/rules-form'

const type = 'tenant-validate'

offer(type, {
  properties: properties(type, {
    rules(text) {
      return faultsInWords(this, text)[0] ?? true
    },
  }),
  errorOutput: () => 1,
  label: nameOr('name', 'tenant validate'),
  outputLabels(index) {
    return this._(index === 0 ? 'tenant-validate.output.valid' : 'tenant-validate.output.invalid')
  },
  oneditprepare() {
    editRules(this)
    showRows('#node-input-deadLetters, #node-input-unknownFields', () => ({
      '.tenant-validate-unstored': valueOf('#node-input-deadLetters') === 'outputUnstored',
      '.tenant-validate-stored': valueOf('#node-input-deadLetters') !== 'outputUnstored',
      '.tenant-validate-remove': valueOf('#node-input-unknownFields') === 'remove',
    }))
  },
})
