/** No password is in any output of any command: neither from the environment, nor from the credentials of a flow file. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from '../../dev/services/free-port'
import { startMosquitto, type Mosquitto } from '../../dev/services/mosquitto'
import { runCommand, type Env } from '../support/command'
import { ROOT } from '../support/package'
import { sharedService } from '../support/services'

const { COMMANDS } = createRequire(__filename)(`${ROOT}/dist/command/registry.js`) as { COMMANDS: object }

const CANARIES = [
  'Canary-mqtt-1',
  'Canary/kafka#2',
  'Canary:pg@3',
  'Canary-token-4',
  'Canary-env-5',
  'Canary-pass-6',
]
const [MQTT = '', KAFKA = '', POSTGRES = '', TOKEN = '', ENV = '', PHRASE = ''] = CANARIES
const encoded = encodeURIComponent

/** What a command needs besides, so that it gets as far as a connection. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  'topics create': ['--topic', 'any', '--dry-run'],
  'topics check': ['--topic', 'any'],
  consume: ['--topic', 'never-there'],
  'dead-letters replay': ['--yes'],
}

describe('the secrets of a command', () => {
  let broker: Mosquitto
  let kafka: string
  let postgres: string
  let down: string
  before(async () => {
    broker = await startMosquitto()
    kafka = await sharedService('kafka')
    postgres = new URL(await sharedService('postgres')).host
    down = `127.0.0.1:${await freePort()}`
  })
  after(() => broker?.stop())

  const flowFile = (
    address: { mqtt: string; kafka: string; postgres: string },
    kafkaLogin: object,
  ): string => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tenant-secrets-'))
    const [host, port] = address.postgres.split(':')
    const nodes = [
      {
        id: 'm',
        type: 'tenant-mqtt-broker',
        url: `mqtt://${address.mqtt}`,
        clientId: 'c',
        user: 'me',
        tls: 't',
      },
      {
        id: 'k',
        type: 'tenant-kafka-cluster',
        brokers: address.kafka,
        useTls: true,
        tls: 't',
        ...kafkaLogin,
      },
      {
        id: 'p',
        type: 'tenant-postgres',
        address: 'fields',
        host,
        port,
        databaseName: 'db',
        user: 'me',
        passwordEnv: 'PG_SECRET',
      },
      { id: 't', type: 'tls-config', cert: '', key: '', ca: '' },
    ]
    const credentials = {
      m: { password: MQTT },
      k: { username: 'me', password: KAFKA },
      t: { passphrase: PHRASE },
    }
    writeFileSync(path.join(folder, 'flows.json'), JSON.stringify(nodes))
    writeFileSync(path.join(folder, 'flows_cred.json'), JSON.stringify(credentials))
    return path.join(folder, 'flows.json')
  }

  const environment = (mqtt: string, brokers: string, database: string): Env => ({
    MQTT_URL: `mqtt://me:${encoded(MQTT)}@${mqtt}`,
    KAFKA_BROKERS: brokers,
    DATABASE_URL: `postgres://me:${encoded(POSTGRES)}@${database}/db`,
  })

  for (const name of Object.keys(COMMANDS))
    it(`are in no output of ${name}, whether services are up, down, or refuse the login`, async () => {
      const up = { mqtt: broker.address.replace(/^.*\//, ''), kafka: kafka.split(',')[0] ?? '', postgres }
      const none = { mqtt: down, kafka: down, postgres: down }
      const scram = { sasl: 'scram-sha-512' }
      const bearer = { sasl: 'oauthbearer', tokenUrl: `http://${down}/token?x=${TOKEN}` }
      const secret = { PG_SECRET: ENV }
      const situations: readonly (readonly [args: readonly string[], env: Env])[] = [
        [[], environment(up.mqtt, up.kafka, up.postgres)],
        [[], environment(down, down, down)],
        // Addresses that cannot be read may have a piece of a password anywhere.
        [
          [],
          {
            MQTT_URL: `mqtt://me:a@${MQTT}@h`,
            KAFKA_BROKERS: `me:${KAFKA}@h`,
            DATABASE_URL: `postgres://me:a/${POSTGRES}@h/db`,
          },
        ],
        [['--flow', flowFile(up, scram)], secret],
        [['--flow', flowFile(none, bearer)], secret],
        [['--flow', flowFile(up, bearer)], {}],
      ]
      const outputs = await Promise.all(
        situations.map(async ([args, env]) => {
          const all = [...name.split(' '), ...(NEEDS[name] ?? []), ...args]
          const { out, errors, exit } = await runCommand(all, env)
          assert.notEqual(out + errors, '', all.join(' '))
          assert.notEqual(exit, null, all.join(' '))
          return out + errors
        }),
      )
      for (const output of outputs)
        for (const canary of CANARIES)
          for (const form of [canary, encoded(canary)]) assert.ok(!output.includes(form), output)
    })
})
