/** The broker of a `tenant-mqtt-broker` node. */
import { sharedBy, type ConfigNode } from '../runtime/config-node'
import type { BrokerSettings } from './connect/broker-settings'

export type BrokerNode = ConfigNode<'broker', BrokerSettings>

/** @param found see `sharedBy` @throws PipelineError `CONFIG_INVALID` */
export function requireBroker(found: unknown): BrokerSettings {
  return sharedBy(found as BrokerNode | null, 'broker', 'an MQTT broker', 'chooseBroker')
}
