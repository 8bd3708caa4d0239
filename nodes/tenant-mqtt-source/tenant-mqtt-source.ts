/**
 * The node `tenant-mqtt-source`: brings MQTT messages into the flow, and acknowledges each to the broker only
 * when the flow has stored it.
 */
import type { Node, NodeAPI, NodeDef, NodeMessage } from 'node-red'
import { flowTracking, type TrackingRuntime } from '../../src/delivery/flow-tracking'
import { MESSAGES } from '../../src/delivery/redelivery'
import type { QoS } from '../../src/mqtt/connect/deferred-acknowledgement'
import { MqttSource, type SourceSettings } from '../../src/mqtt/source'
import { SourceEvents } from '../../src/mqtt/source-events'
import { SourceStatus } from '../../src/mqtt/source-status'
import { asPipelineError } from '../../src/wire/errors'
import { EventLog } from '../../src/log/event-log'
import { closeHandler } from '../../src/runtime/handlers'
import { messageError } from '../../src/wire/message-error'
import { readOptions } from '../../src/config/options'
import { StatusLine } from '../../src/runtime/status-line'
import { requireBroker } from '../../src/mqtt/require-broker'
import { options } from './options'

/** A deploy that only moves wires changes `wires` without a new node. */
type WiredNode = Node & { readonly wires: readonly (readonly string[])[] }

const STATUS_INTERVAL_MS = 1000

export = function (RED: NodeAPI): void {
  const tracking = flowTracking(RED as unknown as TrackingRuntime)

  RED.nodes.registerType('tenant-mqtt-source', function (this: Node, config: NodeDef & { broker?: string }) {
    RED.nodes.createNode(this, config)
    const node = this as WiredNode
    const line = new StatusLine((status) => node.status(status))
    const log = new EventLog(node)
    const events = new SourceEvents(log)
    let source: MqttSource | undefined
    let timer: NodeJS.Timeout | undefined
    try {
      const status = new SourceStatus(performance.now())
      const started = new MqttSource(
        settingsOf(node, config),
        requireBroker(RED.nodes.getNode(config.broker ?? '')),
        {
          tracking,
          send: (output, message) => {
            const sent = message as NodeMessage
            node.send(output === MESSAGES ? sent : [null, sent])
          },
          isWired: (output) => (node.wires[output]?.length ?? 0) > 0,
          describe: (error) => messageError(error, node),
          onWarning: (warning) => {
            status.warned(warning)
            log.error(warning)
          },
          onFiltered: (count) => events.noteFiltered(count),
          note: (event) => log.error(event),
          onChange: () => show(),
        },
      )
      const show = (): void => {
        events.look(started)
        line.set(status.of(started, performance.now()))
      }
      source = started
      timer = setInterval(() => {
        started.look(performance.now())
        show()
      }, STATUS_INTERVAL_MS)
      started.start()
    } catch (error) {
      const problem = asPipelineError(error)
      log.problem('CONFIG_REFUSED', problem)
      line.set({ fill: 'red', shape: 'ring', text: problem.statusText })
    }

    const close = async (): Promise<void> => {
      clearInterval(timer)
      try {
        await source?.close()
      } finally {
        events.close()
        line.close()
      }
    }
    node.on('close', closeHandler(log, close))
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
