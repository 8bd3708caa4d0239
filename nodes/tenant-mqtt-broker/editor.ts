import { offerTest } from '../../editor/connection-test'
import { offer } from '../../editor/dialog'
import { textOf } from '../../editor/node'
import { isReadable, properties } from '../../editor/properties'
import { parseBrokerUrls, refusePassword } from '../../src/mqtt/connect/broker-settings'

const type = 'tenant-mqtt-broker'

offer(type, {
  properties: properties(
    type,
    {
      // The address is part of the flow file, so there must be no password in it.
      url(text) {
        if (!isReadable(() => parseBrokerUrls(text))) return false
        return isReadable(() => refusePassword(parseBrokerUrls(text))) || this._('shared.reason.password')
      },
      clientId(text) {
        return this.allowUnsafe === true || text !== '' || this._('tenant-mqtt-broker.error.clientId')
      },
      sessionExpirySeconds(text) {
        return (
          this.allowUnsafe === true || Number(text) > 0 || this._('tenant-mqtt-broker.error.sessionExpiry')
        )
      },
      cleanSession(text) {
        return this.allowUnsafe === true || text !== 'true' || this._('tenant-mqtt-broker.error.cleanSession')
      },
    },
    { tls: { type: 'tls-config', isOptional: true } },
  ),
  label() {
    const url = textOf(this.url)
    // An address with a login, or one that may hold a piece of one, is not shown.
    const isPlain = (address: string): boolean =>
      /^(\w+:\/\/)?([^\s:@/?#[\]]+|\[[^\s@\]]+\])(:\d+)?(\/[^?#@]*)?$/.test(address)
    const addresses = url.split(/[\s,]+/).filter((address) => address !== '')
    return this.name || (addresses.every(isPlain) && url) || 'tenant mqtt broker'
  },
  oneditprepare() {
    offerTest(type, this)
    const clientId = $('#node-config-input-clientId')
    if (!clientId.val() && !this.url) clientId.val(`pipeline-${RED.nodes.id().slice(0, 8)}`)
  },
})
