import { offerTest } from '../../editor/connection-test'
import { offer } from '../../editor/dialog'
import { showRows, valueOf } from '../../editor/form'
import { isVariable, textOf } from '../../editor/node'
import { isReadable, properties } from '../../editor/properties'
import { parseBrokers } from '../../src/kafka/connection'

const type = 'tenant-kafka-cluster'

offer(type, {
  properties: properties(
    type,
    {
      brokers: (text) => isReadable(() => parseBrokers(text)),
      tokenUrl(text) {
        return text !== '' || this.sasl !== 'oauthbearer'
      },
    },
    { tls: { type: 'tls-config', isUsed: ({ useTls }) => useTls === true, isOptional: true } },
  ),
  label() {
    const brokers = textOf(this.brokers)
    // What is no address may hold a piece of a login, and is not shown.
    const isShown = isVariable(brokers) || isReadable(() => parseBrokers(brokers))
    return this.name || (isShown ? brokers : 'Kafka cluster')
  },
  oneditprepare() {
    offerTest(type, this)
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
