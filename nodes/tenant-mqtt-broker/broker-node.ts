/** What a node finds on a `tenant-mqtt-broker` that it refers to. */
import type { Node } from 'node-red'
import type { BrokerSettings } from '../../src/mqtt/connect/broker-settings'
import type { PipelineError } from '../../src/wire/errors'

export interface MqttBrokerNode extends Node {
  /** `undefined` when the settings are wrong; `problem` then says why. */
  broker: BrokerSettings | undefined
  problem: PipelineError | undefined
}
