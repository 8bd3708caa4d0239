import assert from 'node:assert/strict'
import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from '../../dev/services/free-port'
import { startMosquitto, type Mosquitto } from '../../dev/services/mosquitto'
import { askCommand, runCommand, type Env } from '../support/command'
import { sharedKafka } from '../support/kafka'
import { createTestDatabase, type TestDatabase } from '../support/postgres'

interface Answer {
  readonly ok: boolean
  readonly nodes: readonly {
    readonly type: string
    readonly name: string
    readonly checks: readonly { readonly verdict: string; readonly code: string; readonly text: string }[]
  }[]
}

const codesOf = ({ nodes }: Answer): string[] => nodes.flatMap(({ checks }) => checks.map(({ code }) => code))

/** As Node-RED writes `flows_cred.json`. */
function encrypted(credentials: object, secret: string): string {
  const iv = randomBytes(16)
  const cipher = createCipheriv('aes-256-ctr', createHash('sha256').update(secret).digest(), iv)
  const text = cipher.update(JSON.stringify(credentials), 'utf8', 'base64') + cipher.final('base64')
  return JSON.stringify({ $: iv.toString('hex') + text })
}

describe('tenant-pipeline doctor', () => {
  let broker: Mosquitto
  let database: TestDatabase
  let env: Env
  let folder: string
  before(async () => {
    broker = await startMosquitto()
    database = await createTestDatabase()
    env = {
      MQTT_URL: broker.address,
      KAFKA_BROKERS: (await sharedKafka()).address,
      DATABASE_URL: database.url,
    }
  })
  after(async () => {
    await broker?.stop()
    await database?.drop()
  })
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'tenant-doctor-'))))

  const flowFile = (...nodes: readonly object[]): string => {
    const file = path.join(folder, 'flows.json')
    writeFileSync(file, JSON.stringify(nodes))
    return file
  }

  it('finds every service of the environment in order, and says what it has tested', async () => {
    const { exit, out } = await runCommand(['doctor'], env)
    assert.equal(exit, 0, out)
    assert.match(out, /tenant-mqtt-broker "MQTT_URL"\n {2}ok/)
    assert.match(out, /answers as a Kafka broker/)
    assert.match(out, /tenant-postgres "DATABASE_URL"/)
  })

  it('says which services it has not tested, and needs one at least', async () => {
    const one = await runCommand(['doctor'], { KAFKA_BROKERS: env['KAFKA_BROKERS'] ?? '' })
    assert.match(one.errors, /MQTT_URL is not set: not tested\nDATABASE_URL is not set/)
    assert.equal(one.exit, 0)
    assert.equal((await runCommand(['doctor'])).exit, 2)
  })

  it('fails for a service that is down, with the words of the dialog', async () => {
    const down = `127.0.0.1:${await freePort()}`
    const { answer, exit } = await askCommand<Answer>(['doctor'], {
      MQTT_URL: `mqtt://${down}`,
      KAFKA_BROKERS: down,
      DATABASE_URL: `postgres://me@${down}/db`,
    })
    assert.equal(exit, 1)
    assert.deepEqual([answer.ok, codesOf(answer)], [false, ['unreachable', 'unreachable', 'unreachable']])
    for (const { checks } of answer.nodes)
      assert.match(checks[0]?.text ?? '', /cannot be reached.*Check host and port/)
  })

  it('counts a warning as a failure only when it is asked to', async () => {
    const kafka = { KAFKA_BROKERS: env['KAFKA_BROKERS'] ?? '' }
    const { answer, exit } = await askCommand<Answer>(['doctor'], kafka)
    assert.ok(codesOf(answer).includes('oneBroker'))
    assert.equal(exit, 0)
    assert.equal((await runCommand(['doctor', '--strict'], kafka)).exit, 1)
  })

  it('tests the configuration nodes of a flow file, with the topics and tables that its nodes use', async () => {
    const flow = flowFile(
      { id: 'k', type: 'tenant-kafka-cluster', name: 'Kafka', brokers: '${KAFKA_BROKERS}' },
      { id: 'p', type: 'tenant-kafka-producer', cluster: 'k', topic: 'no-such-topic', missingTopic: 'wait' },
      { id: 'd', type: 'tenant-postgres', name: 'Data', url: '${DATABASE_URL}' },
      { id: 's', type: 'tenant-postgres-sink', database: 'd', table: 'absent', createTable: false },
    )
    const { answer, exit } = await askCommand<Answer>(['doctor', '--flow', flow], env)
    assert.equal(exit, 1)
    const texts = answer.nodes.flatMap(({ checks }) => checks.map(({ text }) => text)).join('\n')
    assert.match(texts, /Topic no-such-topic is missing/)
    assert.match(texts, /public\.absent/)
    const one = await askCommand<Answer>(['doctor', '--flow', flow, '--node', 'Data'], env)
    assert.deepEqual(
      one.answer.nodes.map(({ name }) => name),
      ['Kafka', 'Data'],
    )
    assert.equal((await runCommand(['doctor', '--flow', flow, '--node', 'Dta'], env)).exit, 2)
  })

  describe('with credentials', () => {
    const SECRET = 'secret-of-settings-js'
    const url = (): URL => new URL(database.url)
    const fields = (): object => {
      const { hostname, port, pathname } = url()
      const address = { host: hostname, port, databaseName: pathname.slice(1), user: 'doctor' }
      return { id: 'd', type: 'tenant-postgres', address: 'fields', ...address }
    }
    const credentialsFile = (text: string): void => writeFileSync(path.join(folder, 'flows_cred.json'), text)
    const logsIn = async (args: readonly string[], variables: Env = {}): Promise<string[]> => {
      const { answer } = await askCommand<Answer>(
        ['doctor', '--flow', flowFile(fields()), ...args],
        variables,
      )
      return codesOf(answer)
    }

    it('uses those of Node-RED, by the secret of the environment, of a file, or that Node-RED has made', async () => {
      credentialsFile(encrypted({ d: { password: 'wrong-canary' } }, SECRET))
      const reached = await logsIn([], { NODE_RED_CREDENTIAL_SECRET: SECRET })
      const file = path.join(folder, 'secret')
      writeFileSync(file, `${SECRET}\n`)
      assert.deepEqual(await logsIn(['--secret-file', file]), reached)
      writeFileSync(path.join(folder, '.config.runtime.json'), JSON.stringify({ _credentialSecret: SECRET }))
      assert.deepEqual(await logsIn([]), reached)
      credentialsFile(JSON.stringify({ d: { password: 'wrong-canary' } }))
      assert.deepEqual(await logsIn([]), reached)
    })

    it('says what it needs when they are encrypted, and that the secret is wrong', async () => {
      credentialsFile(encrypted({ d: { password: 'canary-in-file' } }, SECRET))
      const args = ['doctor', '--flow', flowFile(fields())]
      const without = await runCommand(args)
      assert.equal(without.exit, 2)
      assert.match(without.errors, /is encrypted: set NODE_RED_CREDENTIAL_SECRET/)
      const wrong = await runCommand(args, { NODE_RED_CREDENTIAL_SECRET: 'another-one' })
      assert.equal(wrong.exit, 2)
      assert.match(wrong.errors, /cannot be decrypted with this secret/)
    })
  })

  it('says what is wrong with a flow file', async () => {
    assert.match(
      (await runCommand(['doctor', '--flow', path.join(folder, 'none.json')])).errors,
      /there is no file/,
    )
    const file = path.join(folder, 'flows.json')
    writeFileSync(file, '[{"password":"canary-in-json"')
    const { exit, errors } = await runCommand(['doctor', '--flow', file])
    assert.equal(exit, 2)
    assert.match(errors, /is not JSON/)
    assert.ok(!errors.includes('canary'))
  })
})
