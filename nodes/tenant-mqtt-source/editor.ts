import { nameOr, offer } from '../../editor/dialog'
import { showRows, valueOf } from '../../editor/form'
import { onlyOne } from '../../editor/presets'
import { isReadable, properties } from '../../editor/properties'
import { filtersOverlap } from '../../src/mqtt/session/topic-filters'

const type = 'tenant-mqtt-source'

offer(type, {
  properties: properties(
    type,
    {
      topic(text) {
        if (!isReadable(() => filtersOverlap(text))) return false
        return !filtersOverlap(text) || this._('tenant-mqtt-source.error.overlap')
      },
      messageIdName(text) {
        if (this.messageId === 'userProperty')
          return text !== '' || this._('tenant-mqtt-source.error.userProperty')
        if (this.messageId === 'jsonPointer')
          return text.startsWith('/') || this._('tenant-mqtt-source.error.jsonPointer')
        return true
      },
    },
    { broker: { type: 'tenant-mqtt-broker' } },
  ),
  presets: { broker: onlyOne('tenant-mqtt-broker') },
  errorOutput: () => 1,
  label: nameOr('topic', 'tenant mqtt source'),
  outputLabels(index) {
    return this._(index === 0 ? 'tenant-mqtt-source.output.messages' : 'tenant-mqtt-source.output.failed')
  },
  oneditprepare() {
    showRows('#node-input-mode, #node-input-messageId', () => ({
      '.tenant-mqtt-source-batch': valueOf('#node-input-mode') === 'batch',
      '.tenant-mqtt-source-message-id': valueOf('#node-input-messageId') !== 'generated',
    }))
  },
})
