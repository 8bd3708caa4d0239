/** What a node finds on a `tenant-mqtt-broker` that it refers to. */
import type { Node } from 'node-red'
import type { BrokerSettings } from '../../src/mqtt/broker-settings'
import type { PipelineError } from '../../src/runtime/errors'

export interface MqttBrokerNode extends Node {
  /** `undefined` when the settings are wrong; `problem` then says why. */
  broker: BrokerSettings | undefined
  problem: PipelineError | undefined
}
