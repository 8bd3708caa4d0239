/** The names of our headers. Other named levels and user properties have a prefix, so that none can pose as ours. */
export const HEADER = {
  tenant: 'tenant',
  project: 'project',
  device: 'device',
  mqttTopic: 'mqtt-topic',
  messageId: 'message-id',
  receivedAt: 'received-at',
  retained: 'mqtt-retained',
  contentType: 'content-type',
  /** `json` or `cloudevent`; a raw value has no such header. */
  format: 'format',
  /** Of a dead letter in a topic: what went wrong. On a record that was sent into the flow again, the attempts alone. */
  deadLetterPrefix: 'dead-letter-',
  deadLetterId: 'dead-letter-id',
  deadLetterAttempts: 'dead-letter-attempts',
  levelPrefix: 'level-',
  userPropertyPrefix: 'user-',
} as const
