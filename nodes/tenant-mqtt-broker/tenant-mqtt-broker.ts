/**
 * The configuration node `tenant-mqtt-broker`: how to reach a broker. It holds no connection; every source makes
 * its own with these settings, so there is no connection to close here.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { parseBrokerUrls, refusePassword } from '../../src/mqtt/connect/broker-settings'
import { readOptions } from '../../src/config/options'
import { readPassword } from '../../src/config/secret'
import { tlsSettings } from '../../src/config/tls-settings'
import type { BrokerNode } from '../../src/mqtt/require-broker'
import { runConfigNode } from '../../src/runtime/run-node'
import { options } from './options'

export = function (RED: NodeAPI): void {
  RED.nodes.registerType(
    'tenant-mqtt-broker',
    function (this: Node & BrokerNode, config: NodeDef & { tls?: string }) {
      RED.nodes.createNode(this, config)
      runConfigNode(this, ({ log, onClose }) => {
        const { password } = this.credentials as { password?: string }
        const tls = tlsSettings(RED, config.tls, log)
        if (tls !== undefined) onClose(() => tls.close())
        const values = readOptions(options, config)
        const urls = parseBrokerUrls(values.url)
        if (savedUrl(RED, this) === values.url) refusePassword(urls)
        const environment = (name: string): unknown => RED.util.getSetting(this, name)
        const secret = readPassword(values.passwordEnv, password, environment)
        this.broker = {
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
          ...(tls !== undefined && { tls: tls.options(), renewTls: tls.options }),
        }
      })
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
