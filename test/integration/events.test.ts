/**
 * The whole pipeline through a bad day, with a canary in every password and in every payload: whatever happens, the
 * canary is in no log line and no status; and what is logged tells the day's story, in codes.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { connectAsync, type MqttClient } from 'mqtt'
import { NodeRed, type FlowEntry, type LoggedLine } from '../../dev/node-red'
import { freePort } from '../../dev/services/free-port'
import { startKafka, type KafkaService } from '../../dev/services/kafka'
import { startMosquitto, type Mosquitto } from '../../dev/services/mosquitto'
import type { LogEntry } from '../../src/log/event-log'
import { EVENTS } from '../../src/log/events'
import { readTopic } from '../support/kafka-log'
import { exampleFlow } from '../support/pipeline'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { until } from '../support/until'

const CANARY = 'canary'
const PASSWORDS = { mqtt: `${CANARY}-mqtt`, kafka: `${CANARY}-kafka`, database: `${CANARY}-database` }
const TABLE = 'public.iot_messages'

describe('the log of a pipeline on a bad day', function () {
  this.timeout(180_000)
  const heard: string[] = []
  const lines: LoggedLine[] = []
  let mqtt: Mosquitto
  let kafka: KafkaService
  let database: TestDatabase
  let nodeRed: NodeRed
  let publisher: MqttClient
  let userDir: string
  const role = `pipeline_${process.pid}`

  before(async () => {
    const ports = { open: await freePort(), login: await freePort(), controller: await freePort() }
    const user = { name: 'pipeline', password: PASSWORDS.mqtt }
    ;[mqtt, kafka, database] = await Promise.all([
      startMosquitto({ user, config: ['autosave_on_changes false'] }),
      startKafka({ port: ports.open, properties: withLogin(ports) }),
      createTestDatabase(),
    ])
    await database.query(`create role ${role} superuser login password '${PASSWORDS.database}'`)
    const url = new URL(database.url)
    url.username = role
    url.password = ''
    publisher = await connectAsync(mqtt.address, {
      protocolVersion: 5,
      username: user.name,
      password: user.password,
    })
    userDir = mkdtempSync(path.join(tmpdir(), 'tenant-events-'))
    nodeRed = await NodeRed.start({
      userDir,
      port: await freePort(),
      env: {
        MQTT_URL: mqtt.address,
        KAFKA_BROKERS: `127.0.0.1:${ports.login}`,
        DATABASE_URL: url.href,
        MQTT_SECRET: PASSWORDS.mqtt,
        KAFKA_SECRET: PASSWORDS.kafka,
        DATABASE_SECRET: PASSWORDS.database,
        WRONG_SECRET: `${CANARY}-wrong`,
      },
      flow: [],
    })
    nodeRed.onTold = (told) => {
      heard.push(JSON.stringify(told))
      if ('logged' in told && told.logged.type?.startsWith('tenant-') === true) lines.push(told.logged)
    }
  })

  after(async () => {
    await publisher?.endAsync(true)
    await nodeRed?.stop()
    await Promise.all([mqtt?.stop(), kafka?.stop()])
    await database?.query(`reassign owned by ${role} to current_user`)
    await database?.query(`drop role ${role}`)
    await database?.drop()
    rmSync(userDir, { recursive: true, force: true })
  })

  const entries = (): LogEntry[] => lines.map(({ msg }) => msg as LogEntry)
  const logged = (code: string, reason?: string): Promise<void> =>
    until(
      () =>
        `${code} is logged; it was ${entries()
          .map((entry) => entry.code)
          .join(' ')}`,
      () => entries().some((entry) => entry.code === code && (reason ?? entry.reason) === entry.reason),
    )
  /** Rejected records leave a yellow dot. */
  const working = (): Promise<void> =>
    until(
      () => `all is well, not ${JSON.stringify([...nodeRed.statuses.values()])}`,
      () =>
        WORKING.every((type) =>
          /^[\d,]+\/s · \d+ in flight/.test(nodeRed.statuses.get(idOf(type))?.text ?? ''),
        ),
    )
  const publish = (topic: string, payload: string): Promise<unknown> =>
    publisher.publishAsync(topic, payload, {
      qos: 1,
      properties: { userProperties: { [`${CANARY}-name`]: `${CANARY}-value` } },
    })
  const device = (tenant: string): string => `mtic/msg/client/realtime/${tenant}/p1/d1`
  const rows = async (table: string): Promise<number> => {
    const [{ found } = {}] = await database.query(`select to_regclass('${table}') as found`)
    return found === null ? 0 : Number((await database.query(`select count(*) from ${table}`))[0]?.count)
  }

  it('says which login is refused, and by whom', async () => {
    await nodeRed.deploy(flowWith({ mqtt: 'WRONG_SECRET', kafka: 'WRONG_SECRET', database: 'WRONG_SECRET' }))
    await logged('MQTT_AWAY')
    await logged('KAFKA_AWAY', 'KAFKA_AUTHENTICATION')
    await logged('POSTGRES_AWAY')
  })

  it('says which setting is refused', async () => {
    const flow = flowWith({ mqtt: 'MQTT_SECRET', kafka: 'NOT_SET', database: 'DATABASE_SECRET' })
    await nodeRed.deploy(flow)
    await logged('CONFIG_REFUSED', 'CONFIG_INVALID')
  })

  it('says that all is connected, and what was created', async () => {
    await nodeRed.deploy(
      flowWith({ mqtt: 'MQTT_SECRET', kafka: 'KAFKA_SECRET', database: 'DATABASE_SECRET' }),
    )
    await working()
    for (const code of ['MQTT_CONNECTED', 'KAFKA_CONNECTED', 'KAFKA_ASSIGNED', 'POSTGRES_READY'])
      await logged(code)
    await publish(device('acme'), `{"text":"${CANARY}-payload"}`)
    await until('it is a row', async () => (await rows(TABLE)) === 1)
    for (const code of ['KAFKA_TOPIC_CREATED', 'KAFKA_TOPIC_CHECKED', 'KAFKA_TOPIC_UNSAFE'])
      await logged(code)
  })

  it('counts what can never be stored', async () => {
    await publish(device('acme'), `${CANARY} is no JSON`)
    await publish(device('acme'), `{"text":"${CANARY}-\\u0000"}`)
    await publish(device('acme'), `{"text":"${CANARY}${randomBytes(2_000_000).toString('base64')}"}`)
    await publish('mtic/msg/client/realtime/unmatched', `${CANARY}-unmatched`)
    await until('the table of dead letters has them', async () => (await rows('iot_dead_letters')) === 2)
    await until(
      'the topic of dead letters has them',
      async () => (await readTopic(kafka.address, 'iot-dead-letters')).length === 2,
    )
    for (const code of ['UNMATCHED', 'DEAD_LETTERS']) await logged(code)
    for (const type of ['tenant-postgres-sink', 'tenant-kafka-producer']) {
      await until(`${type} tells it`, () =>
        lines.some(({ type: of, msg }) => of === type && (msg as LogEntry).code === 'REJECTED'),
      )
    }
    const rejected = entries().find(({ code }) => code === 'REJECTED')
    assert.equal(rejected?.tenant, 'acme')
  })

  it('says that PostgreSQL does not store, why, and when it is over', async () => {
    const [from] = [lines.length]
    await database.query(`alter table ${TABLE} rename column payload to other`)
    await publish(device('acme'), `{"text":"${CANARY}-held"}`)
    await until('it is noticed', () => countFrom(from, 'POSTGRES_AWAY') > 0)
    await database.query(`alter table ${TABLE} rename column other to payload`)
    await until('it is over', () => countFrom(from, 'POSTGRES_BACK') === 1)
    assert.equal(countFrom(from, 'POSTGRES_AWAY'), 1)
  })

  it('logs two lines for an outage of the MQTT broker', async () => {
    const from = lines.length
    await mqtt.shutDown()
    await until('it is noticed', () => countFrom(from, 'MQTT_AWAY') > 0)
    await mqtt.restart()
    await until('it is over', () => countFrom(from, 'MQTT_BACK') === 1)
    assertEachReasonOnce(from, 'MQTT_AWAY')
  })

  it('logs two lines for an outage of Kafka, for each node that works with it', async () => {
    const from = lines.length
    await kafka.brokers[0]?.stop()
    await publish(device('acme'), `{"text":"${CANARY}-waiting"}`)
    await until('both have noticed', () => typesFrom(from, 'KAFKA_AWAY').size === 2)
    kafka.brokers[0]?.start()
    await kafka.ready()
    await until('both are back', () => typesFrom(from, 'KAFKA_BACK').size === 2)
    assertEachReasonOnce(from, 'KAFKA_AWAY')
    await working()
  })

  it('has a code, a node and a sentence in every line', () => {
    assert.ok(lines.length > 20)
    for (const { level, id, msg } of lines) {
      const { code, node, message } = msg as Partial<LogEntry>
      const kind = EVENTS[code as keyof typeof EVENTS]
      assert.ok(kind !== undefined, `no event: ${JSON.stringify(msg)}`)
      assert.equal(level, { error: 20, warn: 30, info: 40, debug: 50 }[kind.level])
      assert.equal(node, id)
      assert.equal(typeof message, 'string')
    }
  })

  it('has no secret and no payload in any line, in any status, and on the console', () => {
    assert.deepEqual(
      heard.filter((text) => text.includes(CANARY)),
      [],
    )
    const console = readFileSync(nodeRed.logFile, 'utf8')
    assert.doesNotMatch(console, new RegExp(CANARY))
    assert.match(console, /\[error\] \[tenant-mqtt-source:devices\] .*MQTT broker/)
    assert.doesNotMatch(console, /\[object Object\]/)
  })

  const countFrom = (from: number, code: string): number =>
    entries()
      .slice(from)
      .filter((entry) => entry.code === code).length
  const typesFrom = (from: number, code: string): Set<unknown> =>
    new Set(
      lines
        .slice(from)
        .filter(({ msg }) => (msg as LogEntry).code === code)
        .map(({ id }) => id),
    )

  function assertEachReasonOnce(from: number, code: string): void {
    const reasons = entries()
      .slice(from)
      .filter((entry) => entry.code === code)
      .map(({ node, reason }) => `${node} ${reason}`)
    assert.deepEqual(reasons, [...new Set(reasons)])
  }
})

const WORKING = [
  'tenant-mqtt-source',
  'tenant-kafka-consumer',
  'tenant-kafka-producer',
  'tenant-postgres-sink',
]
const EXAMPLE = exampleFlow('01')

function idOf(type: string): string {
  return EXAMPLE.find((entry) => entry.type === type)?.id ?? ''
}

/** Example 01 with logins; the passwords are in these environment variables. */
function flowWith(secrets: Readonly<Record<keyof typeof PASSWORDS, string>>): FlowEntry[] {
  const changes: Readonly<Record<string, object>> = {
    'tenant-mqtt-broker': { user: 'pipeline', passwordEnv: secrets.mqtt },
    'tenant-kafka-cluster': {
      sasl: 'plain',
      passwordEnv: secrets.kafka,
      credentials: { username: 'pipeline' },
      requestTimeoutMs: 5000,
    },
    'tenant-postgres': { passwordEnv: secrets.database },
  }
  return EXAMPLE.map((entry) => ({ ...entry, ...changes[entry.type] }))
}

/** A Kafka with a second listener, which asks for a password. */
function withLogin(ports: Readonly<Record<'open' | 'login' | 'controller', number>>): Record<string, string> {
  const listeners = `PLAINTEXT://127.0.0.1:${ports.open},LOGIN://127.0.0.1:${ports.login}`
  const module = 'org.apache.kafka.common.security.plain.PlainLoginModule required'
  return {
    listeners: `${listeners},CONTROLLER://127.0.0.1:${ports.controller}`,
    'advertised.listeners': listeners,
    'controller.quorum.voters': `1@127.0.0.1:${ports.controller}`,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,LOGIN:SASL_PLAINTEXT',
    'sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.login.plain.sasl.jaas.config': `${module} user_pipeline="${PASSWORDS.kafka}";`,
  }
}
