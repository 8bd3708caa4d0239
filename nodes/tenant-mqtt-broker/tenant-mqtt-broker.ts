/**
 * The configuration node `tenant-mqtt-broker`: how to reach a broker. It holds no connection; every source makes
 * its own with these settings, so there is no connection to close here.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { refusePassword } from '../../src/mqtt/connect/broker-settings'
import { tlsSettings } from '../../src/config/tls-settings'
import type { BrokerNode } from '../../src/mqtt/require-broker'
import { runConfigNode } from '../../src/runtime/run-node'
import { addTestRoute } from '../../src/runtime/test-route'
import { readBroker } from './options'
import { brokerTest } from './test-route'

export = function (RED: NodeAPI): void {
  addTestRoute(RED, brokerTest)
  RED.nodes.registerType(
    'tenant-mqtt-broker',
    function (this: Node<{ password: unknown }> & BrokerNode, config: NodeDef & { tls?: string }) {
      RED.nodes.createNode(this, config)
      runConfigNode(this, ({ log, onClose }) => {
        const tls = tlsSettings(RED, config.tls, log)
        if (tls !== undefined) onClose(() => tls.close())
        const environment = (name: string): unknown => RED.util.getSetting(this, name)
        const broker = readBroker(config, this.credentials ?? {}, tls?.options, environment)
        if (savedUrl(RED, this) === (config as { url?: unknown }).url) refusePassword(broker.urls)
        this.broker = broker
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
