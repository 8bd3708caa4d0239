import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { askCommand, runCommand, type Env } from '../support/command'
import { sharedKafka, uniqueName, withAdmin } from '../support/kafka'
import { freePort } from '../../dev/services/free-port'

interface Answer {
  readonly ok: boolean
  readonly topics: readonly {
    readonly topic: string
    readonly outcome?: string
    readonly failures?: string[]
  }[]
}

describe('tenant-pipeline topics', () => {
  const TEMPLATE = '{tenant}.{project}'
  let brokers: string
  let env: Env
  before(async () => {
    brokers = (await sharedKafka()).address
    env = { KAFKA_BROKERS: brokers }
  })
  const fileWith = (text: string): string => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'tenant-list-')), 'list.txt')
    writeFileSync(file, text)
    return file
  }

  it('creates the topics of tenants and projects as the template names them, and finds them there the next time', async () => {
    const tenant = uniqueName('acme')
    const names = ['--tenant', tenant, '--project', 'north', '--project', 'south', '--template', TEMPLATE]
    const settings = ['--partitions', '2', '--replicas', '1', '--min-isr', '1', '--retention', '48h']
    const first = await askCommand<Answer>(['topics', 'create', ...names, ...settings], env)
    const topics = [`${tenant}.north`, `${tenant}.south`]
    assert.deepEqual(
      first.answer.topics,
      topics.map((topic) => ({ topic, outcome: 'created' })),
    )
    assert.equal(first.exit, 0)
    const again = await askCommand<Answer>(['topics', 'create', ...names, ...settings], env)
    assert.deepEqual(
      again.answer.topics.map(({ outcome }) => outcome),
      ['there', 'there'],
    )
    const configs = await withAdmin(brokers, (admin) =>
      admin.describeConfigs({
        includeSynonyms: false,
        resources: [
          {
            type: 2,
            name: topics[0] as string,
            configNames: ['retention.ms', 'min.insync.replicas', 'cleanup.policy'],
          },
        ],
      }),
    )
    assert.deepEqual(
      Object.fromEntries(
        configs.resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]) ??
          [],
      ),
      { 'retention.ms': '172800000', 'min.insync.replicas': '1', 'cleanup.policy': 'delete' },
    )
    const check = ['topics', 'check', ...names, '--partitions', '2', '--retention', '2d']
    assert.equal((await runCommand(check, env)).exit, 0)
  })

  it('reads tenants and projects from a file, and creates nothing in a dry run', async () => {
    const [one, other] = [uniqueName('one'), uniqueName('other')]
    const list = fileWith(`# tenants\n${one}/north\n\n  ${other} / south \n`)
    const args = ['topics', 'create', '--list', list, '--template', TEMPLATE, '--dry-run']
    const { answer, exit } = await askCommand<Answer>(args, env)
    assert.deepEqual(
      answer.topics,
      [`${one}.north`, `${other}.south`].map((topic) => ({ topic, outcome: 'missing' })),
    )
    assert.equal(exit, 0)
    const check = await askCommand<Answer>(['topics', 'check', '--list', list, '--template', TEMPLATE], env)
    assert.deepEqual(
      check.answer.topics.map(({ failures }) => failures),
      [['it is missing'], ['it is missing']],
    )
    assert.equal(check.exit, 1)
  })

  it('fails a topic that has less than is asked for, and warns of what is unsafe', async () => {
    const topic = uniqueName('thin')
    await runCommand(
      ['topics', 'create', '--topic', topic, '--partitions', '1', '--replicas', '1', '--retention', '1h'],
      env,
    )
    const asked = ['--partitions', '3', '--replicas', '3', '--min-isr', '2', '--retention', '1d']
    const { out, exit } = await runCommand(['topics', 'check', '--topic', topic, ...asked], env)
    assert.equal(exit, 1)
    for (const [what, has, least] of [
      ['partitions', 1, 3],
      ['replicas', 1, 3],
      ['min.insync.replicas', 1, 2],
      ['retention.ms', 3_600_000, 86_400_000],
    ])
      assert.ok(out.includes(`${what}: ${has}, at least ${least} wanted`), out)
    assert.match(out, /WARNING Kafka topic .* has one replica/)
    assert.equal((await runCommand(['topics', 'check', '--topic', topic], env)).exit, 0)
    assert.equal((await runCommand(['topics', 'check', '--topic', topic, '--strict'], env)).exit, 1)
  })

  it('takes template and pattern from the tenant topic nodes of a flow file', async () => {
    const tenant = uniqueName('flow')
    const flow = fileWith(
      JSON.stringify([
        { id: 'a', type: 'tenant-kafka-cluster', name: 'off', brokers: 'nowhere:1', d: true },
        { id: 'b', type: 'tenant-kafka-cluster', name: 'on', brokers: '${MY_BROKERS}' },
        {
          id: 'c',
          type: 'tenant-topic',
          pattern: 'plant/{tenant}/{device}',
          strategy: 'template',
          topicTemplate: '${MY_TEMPLATE}',
        },
      ]),
    )
    const variables = { MY_BROKERS: brokers, MY_TEMPLATE: 'p-{tenant}' }
    const args = ['topics', 'create', '--flow', flow, '--tenant', tenant, '--dry-run']
    const { answer } = await askCommand<Answer>(args, variables)
    assert.deepEqual(answer.topics, [{ topic: `p-${tenant}`, outcome: 'missing' }])
  })

  it('refuses a topic beside which Kafka cannot have it, and creates the others', async () => {
    const name = uniqueName('twin')
    const create = ['topics', 'create', '--replicas', '1', '--partitions', '1']
    await runCommand([...create, '--topic', `${name}.a`], env)
    const { answer, exit } = await askCommand<Answer>(
      [...create, '--topic', `${name}_a`, '--topic', `${name}-b`],
      env,
    )
    assert.deepEqual(
      answer.topics.map(({ outcome }) => outcome),
      ['failed', 'created'],
    )
    assert.equal(exit, 1)
  })

  it('says what is wrong with names, before it asks Kafka', async () => {
    const wrong: readonly (readonly [args: readonly string[], says: RegExp])[] = [
      [[], /no topics are named/],
      [['--topic', '__mine'], /begins with "__"/],
      [['--tenant', 'a.b', '--template', 'p-{tenant}'], /tenant/],
      [['--tenant', 'a', '--template', TEMPLATE], /name projects as well/],
      [['--tenant', 'a', '--project', 'p', '--template', '{tenant}.{device}'], /\{device\}/],
      [['--project', 'p'], /--project needs --tenant/],
      [['--list', '/nowhere/list.txt'], /cannot be read/],
      [['--topic', 'a', '--retention', '3 weeks'], /such as 90s, 15m, 72h or 3d/],
    ]
    for (const [args, says] of wrong) {
      const { exit, errors } = await runCommand(['topics', 'create', ...args], {
        KAFKA_BROKERS: '127.0.0.1:9',
      })
      assert.equal(exit, 2, errors)
      assert.match(errors, says)
    }
  })

  it('says that Kafka is down', async () => {
    const down = { KAFKA_BROKERS: `127.0.0.1:${await freePort()}` }
    for (const args of [
      ['topics', 'check'],
      ['topics', 'create'],
    ]) {
      const { exit, errors } = await runCommand([...args, '--topic', 'any'], down)
      assert.equal(exit, 1)
      assert.match(errors, /KAFKA_UNREACHABLE/)
    }
  })

  it('refuses more in-sync replicas than a topic can have', async () => {
    const { exit, errors } = await runCommand(
      ['topics', 'create', '--topic', uniqueName('isr'), '--min-isr', '9'],
      env,
    )
    assert.equal(exit, 2)
    assert.match(errors, /more than the replicas/)
  })
})
