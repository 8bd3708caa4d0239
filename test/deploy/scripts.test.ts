/** deploy/scripts: verify against real services; the others as far as they go without a cluster. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startKafka } from '../../dev/services/kafka'
import { createTestDatabase } from '../support/postgres'
import { Pipeline, startBusyBroker } from '../support/pipeline'
import { ROOT } from '../support/package'

const NO_SERVICES = { MQTT_URL: '', KAFKA_BROKERS: '', DATABASE_URL: '' }

interface Ended {
  readonly code: number | null
  readonly output: string
}

function script(
  name: string,
  args: readonly string[],
  env: Record<string, string> = {},
  input = '',
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', [path.join(ROOT, 'deploy/scripts', name), ...args], {
      env: { ...process.env, ...env },
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output }))
    // It may have ended before it reads.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}

describe('deploy/scripts/verify.sh', function () {
  this.timeout(240_000)
  const releases: (() => unknown)[] = []
  let pipeline: Pipeline
  let env: Record<string, string>

  before(async () => {
    const mosquitto = await startBusyBroker()
    releases.push(() => mosquitto.stop())
    const kafka = await startKafka()
    releases.push(() => kafka.stop())
    const database = await createTestDatabase()
    releases.push(() => database.drop())
    env = { MQTT_URL: mosquitto.address, KAFKA_BROKERS: kafka.address, DATABASE_URL: database.url }
    pipeline = await Pipeline.start({
      ...{ example: '08', mqttUrl: mosquitto.address, brokers: kafka.address, databaseUrl: database.url },
    })
    releases.push(() => pipeline.stop())
    await pipeline.untilSubscribed()
  })
  after(async () => {
    for (const release of releases.reverse()) await release()
  })

  const local = (...args: string[]): Promise<Ended> =>
    script('verify.sh', ['--local', '--table', 'iot_shared', ...args], env)

  it('finds a pipeline without Kubernetes well, again and again', async () => {
    for (let run = 1; run <= 2; run++) {
      const { code, output } = await local('--topic', 'iot-shared:6:1')
      assert.equal(code, 0, output)
      assert.match(output, /^ok +topic iot-shared has 6 partitions and 1 replicas/m)
      assert.match(output, /^ok +a message comes through both legs: a row after \d+ ms$/m)
      assert.match(output, /^all is well$/m)
    }
    assert.equal((await pipeline.rows(`select 1 from TABLE where tenant_id = 'verify'`)).length, 2)
  })

  it('says which topic is not as it should be, or not there', async () => {
    const { code, output } = await local(
      '--table',
      'iot_shared',
      '--topic',
      'iot-shared:12:3',
      '--topic',
      'none:1:1',
    )
    assert.equal(code, 1, output)
    assert.match(output, /^FAILED +topic iot-shared has 12 partitions and 3 replicas$/m)
    assert.match(output, /^FAILED +topic none has/m)
    assert.match(output, /^error: 2 checks have failed$/m)
  })

  it('says what to look at when no row comes', async () => {
    await pipeline.nodeRed.stop()
    const { code, output } = await local('--wait', '2')
    assert.equal(code, 1, output)
    assert.match(output, /after 2 s there is no row in iot_shared\. Does Node-RED run/)
  })

  it('says which address is missing', async () => {
    const { code, output } = await script('verify.sh', ['--local'], NO_SERVICES)
    assert.equal(code, 2)
    assert.match(output, /^error: --local: set MQTT_URL; --help shows how to use this$/m)
  })
})

describe('deploy/scripts', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tenant-scripts-'))
  const calls = path.join(folder, 'calls')
  const ALL_APIS =
    'v1\nkafka.strimzi.io/v1\npostgresql.cnpg.io/v1\nkeda.sh/v1alpha1\nmonitoring.coreos.com/v1'
  after(() => rmSync(folder, { recursive: true }))

  /**
   * A kubectl that notes what the script asks of it. `answers`: what it prints when its arguments contain the key; an
   * error ends it with 1, as the real one. Otherwise everything that is looked for is there.
   */
  function recorder(answers: Record<string, string> = {}): Record<string, string> {
    rmSync(calls, { force: true })
    const program = path.join(folder, 'kubectl')
    const cases = Object.entries({ 'api-versions': ALL_APIS, ...answers, '--output=name': 'found' }).map(
      ([part, answer]) =>
        /^Error|^error/.test(answer)
          ? `*"${part}"*) echo '${answer}' >&2; exit 1 ;;`
          : `*"${part}"*) echo '${answer}' ;;`,
    )
    const lines = ['#!/bin/sh', `echo "$*" >> ${calls}`, 'case "$*" in', ...cases, 'esac', '']
    writeFileSync(program, lines.join('\n'))
    chmodSync(program, 0o755)
    return { PATH: `${folder}:${process.env['PATH']}` }
  }

  const asked = (): string => (existsSync(calls) ? readFileSync(calls, 'utf8') : '')

  for (const name of ['deploy.sh', 'verify.sh', 'cleanup.sh']) {
    it(`${name} asks nothing of a cluster with --dry-run`, async () => {
      const { code, output } = await script(name, ['--dry-run'], recorder())
      assert.equal(code, 0, output)
      assert.match(output, /^would (run|check): /m)
      assert.equal(asked(), '')
    })

    it(`${name} has help, and refuses what it does not know`, async () => {
      assert.match((await script(name, ['--help'])).output, new RegExp(`^Usage: ${name}`))
      const { code, output } = await script(name, ['--frob'])
      assert.equal(code, 2)
      assert.match(output, /--frob is not an option; --help shows/)
    })
  }

  it('cleanup.sh removes nothing unless the name of the namespace is typed', async () => {
    for (const answer of ['', 'yes\n', 'default\n']) {
      const { code, output } = await script('cleanup.sh', ['--data'], recorder(), answer)
      assert.equal(code, 1, output)
      assert.match(output, /EVERYTHING in it, with all records and rows/)
      assert.doesNotMatch(asked(), /delete/)
    }
  })

  it('cleanup.sh leaves records and rows alone unless it is asked for them', async () => {
    await script('cleanup.sh', [], recorder(), 'tenant-pipeline\n')
    assert.match(asked(), /delete statefulset\/node-red/)
    assert.doesNotMatch(asked(), /delete.*(kafka|cluster|namespace |persistentvolume)/)
    await script('cleanup.sh', ['--data', '--yes'], recorder())
    assert.match(asked(), /delete kafka --all[^]*delete namespace tenant-pipeline/)
  })

  it('cleanup.sh deletes no kind that the cluster does not know', async () => {
    const env = recorder({ 'api-versions': 'v1\nkafka.strimzi.io/v1' })
    const { code, output } = await script('cleanup.sh', ['--data', '--yes'], env)
    assert.equal(code, 0, output)
    assert.match(asked(), /delete kafkatopic --all[^]*delete namespace tenant-pipeline/)
    assert.doesNotMatch(asked(), /cluster\.postgresql/)
  })

  it('deploy.sh says which operators are missing, or too old, and changes nothing', async () => {
    const rendered = ['kafka.strimzi.io/v1', 'postgresql.cnpg.io/v1', 'keda.sh/v1alpha1']
    const env = recorder({
      'api-versions': 'apps/v1\nkafka.strimzi.io/v1beta2\npostgresql.cnpg.io/v1',
      kustomize: rendered.map((api) => `apiVersion: ${api}`).join('\n'),
    })
    const { code, output } = await script('deploy.sh', ['--overlay', 'prod'], env)
    assert.equal(code, 1, output)
    assert.match(output, /^error: install these operators first: Strimzi 0\.49 or newer, KEDA$/m)
    assert.doesNotMatch(asked(), /apply/)
  })

  const forbidden =
    'Error from server (Forbidden): secrets "mqtt" is forbidden: User "viewer" cannot get resource "secrets"'

  it('deploy.sh tells a secret that it may not read from one that is not there', async () => {
    const refused = await script('deploy.sh', [], recorder({ 'get secret': forbidden }))
    assert.equal(refused.code, 1)
    assert.match(refused.output, /^error: Error from server \(Forbidden\)/m)
    const absent = await script('deploy.sh', [], recorder({ 'get secret': '' }))
    assert.equal(absent.code, 1)
    assert.match(absent.output, /create secret generic mqtt/)
  })

  it('cleanup.sh does not take a namespace that it may not read for one that is gone', async () => {
    const refused = await script('cleanup.sh', ['--yes'], recorder({ 'get namespace': forbidden }))
    assert.equal(refused.code, 1)
    assert.match(refused.output, /^error: Error from server \(Forbidden\)/m)
    assert.doesNotMatch(asked(), /delete/)
    const absent = await script('cleanup.sh', ['--yes'], recorder({ 'get namespace': '' }))
    assert.equal(absent.code, 0)
    assert.match(absent.output, /^there is no namespace tenant-pipeline: nothing to remove$/m)
  })

  it('deploy.sh says where to look when an operator does nothing', async () => {
    const timedOut = 'error: timed out waiting for the condition on kafkas/pipeline'
    const { code, output } = await script('deploy.sh', [], recorder({ 'wait --for': timedOut }))
    assert.equal(code, 1)
    assert.match(output, /^error: kafka\/pipeline is not ready\. .*no operator watches the namespace:$/m)
    assert.match(output, /^ {2}kubectl --namespace tenant-pipeline describe kafka\/pipeline$/m)
  })

  it('verify.sh lists each topic that is not ready once', async () => {
    const topics = 'iot-messages True 6/3\norder-events  3/3'
    const { code, output } = await script('verify.sh', [], recorder({ 'get kafkatopic': topics }))
    assert.equal(code, 1)
    assert.equal(output.match(/order-events/g)?.length, 1, output)
    assert.doesNotMatch(output, /iot-messages/)
  })

  it('says why kubectl reaches no cluster', async () => {
    const refused = 'error: You must be logged in to the server (Unauthorized)'
    const { code, output } = await script('deploy.sh', [], recorder({ version: refused }))
    assert.equal(code, 1)
    assert.match(output, /^error: kubectl reaches no cluster: .*Unauthorized/m)
  })

  it('deploy.sh applies the overlay that it is given, and waits', async () => {
    const { code, output } = await script('deploy.sh', ['--overlay', 'prod', '--context', 'mine'], recorder())
    assert.equal(code, 0, output)
    assert.match(asked(), /^--context mine apply --server-side --kustomize \S+\/overlays\/prod$/m)
    assert.match(asked(), /^--context mine .*wait --for=condition=Ready --timeout=15m kafka\/pipeline$/m)
  })
})
