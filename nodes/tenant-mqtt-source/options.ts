/** The options of `tenant-mqtt-source`; its dialog uses this table as well. */
import { WHEN_FILTERED } from '../../src/delivery/redelivery'
import { OTHER_TOPICS } from '../../src/mqtt/session/old-subscriptions'
import { RETAINED } from '../../src/mqtt/session/intake'
import { choice, integer, text } from '../../src/config/options'

export const options = {
  topic: text({ required: true, expects: 'topicFilter' }),
  qos: choice(['0', '1', '2'], '1'),
  /** Empty: the broker's client id with this node's id behind it. */
  clientId: text(),
  /** Batches for new nodes, because they are faster; a saved flow was drawn for what it has. */
  mode: choice(['message', 'batch'], 'message', 'batch'),
  batchSize: integer({ default: 500, min: 1, max: 10_000, unit: 'messages' }),
  lingerMs: integer({ default: 20, min: 0, max: 10_000, unit: 'ms' }),
  windowMessages: integer({ default: 1000, min: 1, max: 65_535, unit: 'messages' }),
  windowBytes: integer({ default: 33_554_432, min: 65_536, max: 1_073_741_824, unit: 'bytes' }),
  deliveryTimeoutMs: integer({ default: 30_000, min: 1000, max: 86_400_000, unit: 'ms' }),
  attempts: integer({ default: 0, min: 0, max: 1_000_000, unit: 'attempts' }),
  /** What a message is that the flow ends on purpose. */
  whenFiltered: choice(WHEN_FILTERED, 'acknowledge'),
  /** What the broker has kept from before the subscription. */
  retained: choice(RETAINED, 'emit'),
  /** What no topic filter matches, when it may be for an old subscription or have a topic that the broker rewrote. */
  otherTopics: choice(OTHER_TOPICS, 'wait'),
  messageId: choice(['generated', 'userProperty', 'jsonPointer'], 'generated'),
  messageIdName: text(),
}
