import { offer } from '../../editor/dialog'
import { showRows, valueOf } from '../../editor/form'
import { properties } from '../../editor/properties'
import { textOf } from '../../editor/node'

const type = 'tenant-kafka-cluster'

const IPV6 = /^[\da-f:]*:[\da-f:]*:[\da-f:.]*(%[^\s\]]+)?$/i
const HOST_PORT = /^(?:\[[\da-f:.]+(?:%[^\s\]]+)?\]|[^\s:@/?#%[\]\\]+)(?::(\d{1,5}))?$/i

function isAddress(address: string): boolean {
  if (IPV6.test(address)) return true
  const [isRead, port = 1] = HOST_PORT.exec(address) ?? []
  return isRead !== undefined && Number(port) >= 1 && Number(port) <= 65_535
}

offer(type, {
  properties: properties(type, {
    brokers(text) {
      const addresses = text
        .split(',')
        .map((address) => address.trim())
        .filter((address) => address !== '')
      return addresses.length > 0 && addresses.every(isAddress)
    },
    tokenUrl(text) {
      return text !== '' || this.sasl !== 'oauthbearer'
    },
  }),
  label() {
    const brokers = textOf(this.brokers)
    // What is no address may hold a piece of a login, and is not shown.
    const isPlain = (address: string): boolean =>
      /^([^\s:@/?#[\]]+|\[[^\s@\]]+\])(:\d+)?$/.test(address.trim())
    return this.name || (brokers.split(',').every(isPlain) ? brokers : 'Kafka cluster')
  },
  oneditprepare() {
    showRows('#node-config-input-useTls, #node-config-input-sasl', () => {
      const useTls = $('#node-config-input-useTls').is(':checked')
      const sasl = valueOf('#node-config-input-sasl')
      return {
        '.tenant-kafka-cluster-tls': useTls,
        '.tenant-kafka-cluster-sasl': sasl !== 'none',
        '.tenant-kafka-cluster-password': sasl !== 'oauthbearer',
        '.tenant-kafka-cluster-token': sasl === 'oauthbearer',
        '.tenant-kafka-cluster-readable': sasl !== 'none' && !useTls,
      }
    })
  },
})
