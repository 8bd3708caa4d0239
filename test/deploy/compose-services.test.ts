/** Each configuration file of deploy/compose, in the real program. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { connectAsync } from 'mqtt'
import { Client } from 'pg'
import { parse } from 'yaml'
import { freePort } from '../../dev/services/free-port'
import { endWithUs } from '../../dev/services/guard'
import { startOwnPostgres } from '../../dev/services/postgres'
import { run } from '../../dev/services/run'
import { readText, ROOT } from '../support/package'
import { until } from '../support/until'
import { brokerProperties, startBrokers, type Properties } from './kafka-files'

const FILES = path.join(ROOT, 'deploy/compose')

describe('the services of compose.yaml', function () {
  this.timeout(240_000)
  const folder = mkdtempSync(path.join(tmpdir(), 'tenant-compose-'))
  const releases: (() => unknown)[] = []
  /** Each test has its own; what it has started ends after it. */
  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release()
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('Mosquitto lets in a client with the right password, and no other', async () => {
    const port = await freePort()
    const config = path.join(folder, 'mosquitto.conf')
    const passwords = path.join(folder, 'passwords')
    const text = readText('deploy/compose/mosquitto.conf')
      .replace('listener 1883', `listener ${port} 127.0.0.1`)
      .replace('/tmp/passwords', passwords)
      .replace('/mosquitto/data/', `${folder}/`)
    // Mosquitto drops root, and could not read a folder of ours.
    writeFileSync(config, process.getuid?.() === 0 ? `${text}user root\n` : text)
    const child = spawn('sh', [path.join(FILES, 'mosquitto-start.sh')], {
      env: {
        PATH: `${process.env['PATH']}:/usr/sbin`,
        ...{ MQTT_PASSWORD: 'one', DEVICE_PASSWORD: 'two', PASSWORD_FILE: passwords, CONFIG_FILE: config },
      },
      stdio: 'ignore',
    })
    endWithUs(child.pid as number)
    releases.push(() => child.kill())
    const login = (username?: string, password?: string): Promise<boolean> =>
      connectAsync(`mqtt://127.0.0.1:${port}`, {
        reconnectPeriod: 0,
        ...(username !== undefined && { username }),
        ...(password !== undefined && { password }),
      }).then(
        (client) => client.endAsync().then(() => true),
        () => false,
      )
    await until('the device is let in', () => login('device', 'two'), { pollMs: 100 })
    assert.equal(await login('pipeline', 'one'), true)
    assert.equal(await login('device', 'one'), false)
    assert.equal(await login(), false)
  })

  const kafkaFile = readText('deploy/compose/kafka.properties')

  it('Kafka starts as one broker', async () => {
    const { client, stop } = await startBrokers({ kafka: brokerProperties(kafkaFile, {}) })
    releases.push(stop)
    assert.equal(await created(client, 1), 1)
  })

  it('Kafka starts as three brokers, and keeps each topic three times', async () => {
    const { services } = parse(readText('deploy/compose.three-brokers.yaml'), { merge: true }) as {
      services: Record<string, { environment: Properties }>
    }
    const hosts = Object.fromEntries(
      ['kafka', 'kafka-2', 'kafka-3'].map((host) => [
        host,
        brokerProperties(kafkaFile, services[host]?.environment ?? {}),
      ]),
    )
    const { client, stop } = await startBrokers(hosts)
    releases.push(stop)
    assert.equal(await created(client, -1), 3)
  })

  it('PostgreSQL takes its settings, and its reader only reads', async () => {
    const home = path.join(folder, 'settings')
    mkdirSync(home)
    for (const place of [folder, home]) chmodSync(place, 0o755)
    const file = path.join(home, 'postgresql.conf')
    // The server of the tests has no TimescaleDB.
    writeFileSync(file, readText('deploy/compose/postgresql.conf').replaceAll(/^.*timescaledb.*\n/gm, ''))
    const server = await startOwnPostgres({ settings: { config_file: file } })
    releases.push(() => server.stop())
    const owner = await connected(server.address)
    releases.push(() => owner.end())
    const { rows } = await owner.query<{ setting: string }>(
      `select setting from pg_settings where name in ('log_min_duration_statement', 'synchronous_commit') order by name`,
    )
    assert.deepEqual(
      rows.map(({ setting }) => setting),
      ['5000', 'on'],
    )
    execFileSync(
      'psql',
      ['--set=ON_ERROR_STOP=1', '--file', path.join(FILES, 'reader.sql'), server.address],
      {
        env: { ...process.env, READER_PASSWORD: 'three' },
        stdio: 'pipe',
      },
    )
    await owner.query('create table iot_shared as select 1 as value')
    const reader = await connected(server.address.replace(/\/\/[^@]*@/, '//reader:three@'))
    releases.push(() => reader.end())
    assert.deepEqual((await reader.query('select value from iot_shared')).rows, [{ value: 1 }])
    await assert.rejects(reader.query('insert into iot_shared values (2)'), /read-only|permission denied/)
    await assert.rejects(
      reader.query('begin read write; insert into iot_shared values (2)'),
      /permission denied for table/,
    )
  })

  it('Prometheus loads its rules', async () => {
    const home = path.join(folder, 'prometheus')
    mkdirSync(path.join(home, 'rules'), { recursive: true })
    cpSync(path.join(FILES, 'prometheus.yml'), path.join(home, 'prometheus.yml'))
    for (const rules of ['recording.yml', 'pipeline.yml'])
      cpSync(path.join(ROOT, 'deploy/monitoring/rules', rules), path.join(home, 'rules', rules))
    const port = await freePort()
    const child = spawn(
      'prometheus',
      [
        `--config.file=${home}/prometheus.yml`,
        `--storage.tsdb.path=${home}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    )
    child.on('error', () => undefined)
    assert.ok(child.pid, "prometheus is not installed (Debian's package prometheus)")
    endWithUs(child.pid)
    releases.push(() => child.kill())
    const get = (page: string): Promise<Response | undefined> =>
      fetch(`http://127.0.0.1:${port}${page}`).catch(() => undefined)
    await until('it is ready', async () => (await get('/-/ready'))?.ok === true, { pollMs: 100 })
    const { data } = (await (await get('/api/v1/rules'))?.json()) as {
      data: { groups: { rules: object[] }[] }
    }
    assert.ok(data.groups.flatMap(({ rules }) => rules).length > 10)
    const checked = await run('promtool', ['check', 'config', path.join(home, 'prometheus.yml')])
    assert.ok(checked.ok, checked.output)
  })
})

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  await client.connect()
  return client
}

/** @returns how many replicas a new topic has that asks for this number */
async function created(
  kafka: Awaited<ReturnType<typeof startBrokers>>['client'],
  replicationFactor: number,
): Promise<number | undefined> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    await admin.createTopics({
      topics: [{ topic: 'a', numPartitions: 1, replicationFactor }],
      waitForLeaders: true,
    })
    const { topics } = await admin.fetchTopicMetadata({ topics: ['a'] })
    return topics[0]?.partitions[0]?.replicas.length
  } finally {
    await admin.disconnect()
  }
}
