/**
 * The node `tenant-mqtt-source`: brings MQTT messages into the flow, and acknowledges each to the broker only
 * when the flow has stored it.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { readOptions } from '../../src/config/options'
import { flowTracking, type TrackingRuntime } from '../../src/delivery/flow/flow-tracking'
import type { QoS } from '../../src/mqtt/connect/deferred-acknowledgement'
import { requireBroker } from '../../src/mqtt/require-broker'
import { MqttSource, type SourceSettings } from '../../src/mqtt/source'
import { SourceEvents } from '../../src/mqtt/source-events'
import { samplesOf, unreadyOf } from '../../src/mqtt/source-samples'
import { SourceStatus } from '../../src/mqtt/source-status'
import { addPauseRoutes, logged, type PausableNode } from '../../src/runtime/pause'
import { runNode } from '../../src/runtime/run-node'
import { options } from './options'

type SourceDef = NodeDef & { broker?: string }

export = function (RED: NodeAPI): void {
  const tracking = flowTracking(RED as unknown as TrackingRuntime)
  addPauseRoutes(RED, 'tenant-mqtt-source')

  RED.nodes.registerType('tenant-mqtt-source', function (this: Node & PausableNode, config: SourceDef) {
    RED.nodes.createNode(this, config)
    runNode(RED, this, ({ log, status: line, isWired, send, describe, onClose, refresh, watch }) => {
      const events = new SourceEvents(log)
      onClose(() => events.close())
      const status = new SourceStatus(performance.now())
      const broker = requireBroker(RED.nodes.getNode(config.broker ?? ''))
      const source = new MqttSource(settingsOf(this, config), broker, {
        tracking,
        send,
        isWired,
        describe,
        onWarning: (warning) => {
          status.warned(warning)
          log.error(warning)
        },
        onFiltered: (count) => events.noteFiltered(count),
        note: (event) => log.error(event),
        onChange: () => show(),
      })
      onClose(() => source.close())
      this.pausable = logged(source, log, 'the MQTT broker queues what is published')
      watch({
        samples: () => samplesOf(source),
        unready: () => unreadyOf(source),
        paused: () => source.paused,
      })
      const show = (): void => {
        events.observe(source)
        line.set(status.of(source, performance.now()))
      }
      refresh(() => {
        source.look(performance.now())
        show()
      })
      source.start()
      return undefined
    })
  })
}

function settingsOf(node: Node, config: NodeDef): SourceSettings {
  const values = readOptions(options, config)
  return {
    ...values,
    nodeId: node.id,
    qos: Number(values.qos) as QoS,
  }
}
