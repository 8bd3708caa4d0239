import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from '../../dev/services/free-port'
import { runCommand, startCommand, type Env } from '../support/command'
import { createTestTopic, sharedKafka, testClient, uniqueName, withAdmin } from '../support/kafka'
import { until } from '../support/until'

interface Line {
  readonly partition: number
  readonly offset: number
  readonly tenant?: string
  readonly device?: string
  readonly key: unknown
  readonly headers: Record<string, unknown>
  readonly payload: unknown
}

const linesOf = (out: string): Line[] =>
  out.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Line]))

describe('tenant-pipeline consume', () => {
  let brokers: string
  let env: Env
  let topic: string
  before(async () => {
    brokers = (await sharedKafka()).address
    env = { KAFKA_BROKERS: brokers }
  })
  beforeEach(async () => (topic = await createTestTopic(brokers, { partitions: 2 })))

  /** As the producer of a flow writes them. */
  const write = async (
    ...records: readonly { tenant: string; device?: string; value: string | Buffer }[]
  ): Promise<void> => {
    const producer = testClient(brokers).producer({ allowAutoTopicCreation: false })
    await producer.connect()
    const messages = records.map(({ tenant, device = 'd1', value }) => ({
      key: `${tenant}/${device}`,
      value,
      headers: { tenant, project: 'north', device, 'message-id': 'm', 'mqtt-topic': `t/${tenant}` },
    }))
    await producer.send({ topic, acks: -1, messages })
    await producer.disconnect()
  }

  it('shows what there is from the beginning, of one tenant or device, and ends after the number asked for', async () => {
    await write(
      { tenant: 'acme', value: '1' },
      { tenant: 'other', value: '2' },
      { tenant: 'acme', device: 'd2', value: '3' },
    )
    const all = ['consume', '--topic', topic, '--from', 'beginning', '--for', '60s']
    const some = await runCommand([...all, '--tenant', 'acme', '--max', '2'], env)
    assert.equal(some.exit, 0, some.errors)
    assert.match(some.out, /acme\/north\/d1 1\n/)
    assert.match(some.out, /acme\/north\/d2 3\n/)
    assert.ok(!some.out.includes('other'))
    const device = await runCommand(
      [...all, '--device', 'd2', '--project', 'north', '--max', '1', '--json'],
      env,
    )
    assert.deepEqual(
      linesOf(device.out).map(({ payload, tenant }) => [payload, tenant]),
      [['3', 'acme']],
    )
  })

  it('follows new records until Ctrl-C', async () => {
    await write({ tenant: 'acme', value: 'before' })
    const running = startCommand(['consume', '--topic', topic, '--json'], env)
    await running.says(/reading .*2 partitions/)
    await write({ tenant: 'acme', value: 'after' })
    await running.says(/after/)
    running.interrupt()
    const { exit, out } = await running.end()
    assert.deepEqual([exit, linesOf(out).map(({ payload }) => payload)], [0, ['after']])
  })

  it('begins at a time', async () => {
    await write({ tenant: 'acme', value: 'early' })
    const fromMs = Date.now() + 1
    const from = new Date(fromMs).toISOString()
    await until('the clock has reached it', () => Date.now() >= fromMs)
    await write({ tenant: 'acme', value: 'late' })
    const { out } = await runCommand(
      ['consume', '--topic', topic, '--from', from, '--max', '1', '--for', '60s', '--json'],
      env,
    )
    assert.deepEqual(
      linesOf(out).map(({ payload }) => payload),
      ['late'],
    )
  })

  it('gives every byte as JSON, and shows none of them to the terminal as control characters', async () => {
    const bytes = Buffer.from([0x1b, 0x5b, 0x32, 0x4a, 0xff, 0x00])
    await write({ tenant: 'acme', value: bytes })
    const args = ['consume', '--topic', topic, '--from', 'beginning', '--max', '1', '--for', '60s']
    const [line] = linesOf((await runCommand([...args, '--json'], env)).out)
    assert.deepEqual(line?.payload, { base64: bytes.toString('base64') })
    assert.deepEqual([line?.key, line?.headers['mqtt-topic']], ['acme/d1', 't/acme'])
    const { out } = await runCommand(args, env)
    assert.match(out, /0x1b5b324aff00/)
    assert.ok(!out.includes('\x1b'))
  })

  it('fails when fewer records have come than were asked for', async () => {
    const { exit, errors } = await runCommand(['consume', '--topic', topic, '--max', '1', '--for', '2s'], env)
    assert.equal(exit, 1)
    assert.match(errors, /0 of 1 records have come/)
  })

  it('commits nothing, and takes no partition from the group of a flow', async () => {
    await write({ tenant: 'acme', value: '1' })
    const prefix = uniqueName('look')
    const args = ['consume', '--topic', topic, '--from', 'beginning', '--group-prefix', prefix, '--json']
    const running = startCommand(args, env)
    await running.says(/"payload":"1"/)
    const groups = await withAdmin(brokers, (admin) => admin.listGroups())
    const [group] = groups.groups.filter(({ groupId }) => groupId.startsWith(`${prefix}-`))
    assert.ok(group)
    running.interrupt()
    await running.end()
    const committed = await withAdmin(brokers, (admin) =>
      admin.fetchOffsets({ groupId: group.groupId, topics: [topic] }),
    )
    assert.deepEqual(
      committed[0]?.partitions.map(({ offset }) => offset),
      ['-1', '-1'],
    )
  })

  it('reads what the consumers of a flow read, and names tenants by the name of a topic', async () => {
    const name = uniqueName('acme')
    topic = await createTestTopic(brokers, { name: `${name}.south` })
    const producer = testClient(brokers).producer({ allowAutoTopicCreation: false })
    await producer.connect()
    await producer.send({ topic, acks: -1, messages: [{ value: 'foreign' }] })
    await producer.disconnect()
    const flow = path.join(mkdtempSync(path.join(tmpdir(), 'tenant-consume-')), 'flows.json')
    const nodes = [
      { id: 'k', type: 'tenant-kafka-cluster', brokers },
      { id: 'c', type: 'tenant-kafka-consumer', cluster: 'k', topics: '${MINE}' },
    ]
    writeFileSync(flow, JSON.stringify(nodes))
    const named = ['--topic-pattern', '{tenant}.{project}', '--tenant', name, '--project', 'south']
    const { out, exit } = await runCommand(
      ['consume', '--flow', flow, '--from', 'beginning', '--max', '1', '--for', '60s', ...named],
      { MINE: topic },
    )
    assert.equal(exit, 0)
    assert.match(out, new RegExp(`${name}/south/- foreign`))
  })

  it('says that a topic, or Kafka, is not there, and what is wrong with an option', async () => {
    const missing = await runCommand(['consume', '--topic', uniqueName('none')], env)
    assert.equal(missing.exit, 1)
    assert.match(missing.errors, /there is no topic none-/)
    const down = await runCommand(['consume', '--topic', topic], {
      KAFKA_BROKERS: `127.0.0.1:${await freePort()}`,
    })
    assert.equal(down.exit, 1)
    assert.match(down.errors, /KAFKA_UNREACHABLE/)
    for (const args of [
      ['--from', 'yesterday'],
      ['--for', '1'],
      ['--topic', 'a b'],
      ['--max', '-1'],
    ])
      assert.equal((await runCommand(['consume', ...args], env)).exit, 2, args.join(' '))
  })
})
