/**
 * The configuration node `tenant-mqtt-broker`: how to reach a broker. It holds no connection; every source makes
 * its own with these settings, so there is nothing to close here.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { parseBrokerUrls } from '../../src/mqtt/broker-settings'
import { asPipelineError, PipelineError } from '../../src/runtime/errors'
import { readOptions, type OptionValues } from '../../src/runtime/options'
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
        node.broker = {
          urls: parseBrokerUrls(values.url),
          clientId: values.clientId,
          protocol: values.protocolVersion,
          keepAliveSeconds: values.keepAliveSeconds,
          sessionExpirySeconds: values.sessionExpirySeconds,
          cleanSession: values.cleanSession,
          safe: !values.allowUnsafe,
          ...(values.user !== '' && { username: values.user }),
          ...passwordOf(RED, node, values, password),
          ...(tlsNode !== undefined && { tls: tlsNode.addTLSOptions({}) }),
        }
      } catch (error) {
        node.problem = asPipelineError(error)
        node.error(node.problem.message)
      }
    },
    { credentials: { password: { type: 'password' } } },
  )
}

function passwordOf(
  RED: NodeAPI,
  node: Node,
  { passwordFrom, passwordVariable }: OptionValues<typeof options>,
  stored: string | undefined,
): { password?: string } {
  if (passwordFrom === 'credentials') return stored === undefined || stored === '' ? {} : { password: stored }
  const value: unknown = RED.util.getSetting(node, passwordVariable)
  if (typeof value !== 'string' || value === '') {
    throw missing(`the environment variable "${passwordVariable}" for the MQTT password is not set`)
  }
  return { password: value }
}

function missing(message: string): PipelineError {
  return new PipelineError('CONFIG_INVALID', message, {
    retryable: false,
    statusText: 'check the MQTT broker',
  })
}
