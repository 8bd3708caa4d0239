/**
 * The configuration node `tenant-mqtt-broker`: how to reach a broker. It holds no connection; every source makes
 * its own with these settings, so there is nothing to close here.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { parseBrokerUrls, refusePassword } from '../../src/mqtt/broker-settings'
import { asPipelineError, PipelineError } from '../../src/runtime/errors'
import { EventLog } from '../../src/runtime/event-log'
import { readOptions } from '../../src/runtime/options'
import { readPassword } from '../../src/runtime/secret'
import type { MqttBrokerNode } from './broker-node'
import { options } from './options'

interface TlsNode {
  addTLSOptions(into: object): object
}

export = function (RED: NodeAPI): void {
  RED.nodes.registerType(
    'tenant-mqtt-broker',
    function (this: Node, config: NodeDef & { tls?: string }) {
      RED.nodes.createNode(this, config)
      const node = this as MqttBrokerNode
      try {
        const { password } = node.credentials as { password?: string }
        const tlsNode = config.tls ? (RED.nodes.getNode(config.tls) as unknown as TlsNode | null) : undefined
        if (tlsNode === null) throw missing('the TLS configuration is gone or switched off')
        const values = readOptions(options, config)
        const urls = parseBrokerUrls(values.url)
        if (savedUrl(RED, node) === values.url) refusePassword(urls)
        const environment = (name: string): unknown => RED.util.getSetting(node, name)
        const secret = readPassword(values.passwordEnv, password, environment)
        node.broker = {
          urls,
          clientId: values.clientId,
          protocol: values.protocolVersion,
          keepAliveSeconds: values.keepAliveSeconds,
          sessionExpirySeconds: values.sessionExpirySeconds,
          queueMessages: values.queueMessages,
          cleanSession: values.cleanSession,
          safe: !values.allowUnsafe,
          ...(values.user !== '' && { username: values.user }),
          ...(secret !== undefined && { password: secret }),
          ...(tlsNode !== undefined && { tls: tlsNode.addTLSOptions({}) }),
        }
      } catch (error) {
        node.problem = asPipelineError(error)
        new EventLog(node).problem('CONFIG_REFUSED', node.problem)
      }
    },
    { credentials: { password: { type: 'password' } } },
  )
}

/** The address as the flow file has it, before Node-RED puts in the value of an environment variable. */
function savedUrl(RED: NodeAPI, node: Node & { _alias?: string }): unknown {
  let saved: unknown
  RED.nodes.eachNode((config) => {
    // In a subflow the flow file has the node under the id of its template.
    if (config.id === (node._alias ?? node.id)) saved = (config as { url?: unknown }).url
  })
  return saved
}

function missing(message: string): PipelineError {
  return new PipelineError('CONFIG_INVALID', message, {
    retryable: false,
    statusText: 'check the MQTT broker',
  })
}
