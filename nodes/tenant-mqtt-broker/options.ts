/** The options of `tenant-mqtt-broker`; its dialog uses this table as well. */
import { choice, flag, integer, text } from '../../src/config/options'
import { passwordEnv } from '../../src/config/secret'

export const options = {
  url: text({ required: true, expects: 'the address of an MQTT broker, such as mqtt://localhost:1883' }),
  clientId: text(),
  protocolVersion: choice(['auto', '5', '3.1.1'], 'auto'),
  keepAliveSeconds: integer({ default: 60, min: 2, max: 65_535, unit: 's' }),
  sessionExpirySeconds: integer({ default: 604_800, min: 0, max: 4_294_967_295, unit: 's' }),
  /** 1,000 is what Mosquitto, EMQX, HiveMQ and VerneMQ come with. */
  queueMessages: integer({ default: 1000, min: 0, max: 4_294_967_295, unit: 'messages' }),
  cleanSession: flag(false),
  allowUnsafe: flag(false),
  user: text(),
  passwordEnv: passwordEnv(),
}
