/**
 * The image of deploy/container, built by its own steps and run as an engine would. Only root can make a root file
 * system, so only a run as root has these tests; CI is one.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import type { Image } from '../../dev/container/build'
import { Container, type ContainerOptions } from '../../dev/container/container'
import { buildOurs, FLOW, stored } from '../../dev/container/measure'
import { freePort } from '../../dev/services/free-port'
import { startKafka } from '../../dev/services/kafka'
import { Simulator } from '../../dev/simulator/simulator'
import { createTestDatabase } from '../support/postgres'
import { startBusyBroker } from '../support/pipeline'
import { until } from '../support/until'

/** Of a container; what it really takes is in docs/deploy.md. */
const MEMORY_MB = 256
/** docs/deploy.md promises 160 on a machine that does nothing else; here other tests run beside it. */
const RSS_MB = 200
const MESSAGES = 10_000

if (process.getuid?.() === 0)
  describe('the container', function () {
    this.timeout(400_000)
    let image: Image
    let env: Record<string, string>
    const releases: (() => unknown)[] = []

    const options = async (more: Record<string, string> = {}): Promise<ContainerOptions> => ({
      env: { ...env, ...more },
      mounts: { '/flows/flows.json': FLOW },
      memoryMb: MEMORY_MB,
      port: await freePort(),
    })

    before(async () => {
      for (const program of ['debootstrap', 'bwrap'])
        assert.equal(spawnSync(program, ['--version']).status, 0, `${program} is not installed`)
      const [mosquitto, kafka, database] = [
        await startBusyBroker(),
        await startKafka(),
        await createTestDatabase(),
      ]
      releases.push(() => mosquitto.stop())
      releases.push(() => kafka.stop())
      releases.push(() => database.drop())
      env = {
        MQTT_URL: mosquitto.address,
        KAFKA_BROKERS: kafka.address,
        DATABASE_URL: database.url,
        MQTT_CLIENT_ID: 'container',
        TENANT_PIPELINE_METRICS_HOST: '127.0.0.1',
      }
      image = await buildOurs()
      releases.push(() => image.remove())
    })

    after(async () => {
      for (const release of releases.reverse()) await release()
    })

    it('carries messages with little memory, writes only to /data, and drains when it is stopped', async () => {
      const container = await Container.start(image, await options())
      try {
        assert.equal(container.exec(image.stage.healthCheck?.command ?? []).status, 0)
        const look =
          'id --user; touch /data/x && echo data; for at in / /tmp /opt/node-red /flows; do touch $at/x; done'
        const { output } = container.exec(['sh', '-c', look])
        assert.match(output, /^1000\ndata\n/)
        assert.equal(output.match(/Read-only file system/g)?.length, 4, output)
        const simulator = await Simulator.start({
          ...{ url: env['MQTT_URL'] as string, rate: 1000, qos: 1 as const },
          ...{ tenants: 5, projects: 2, devices: 50 },
        })
        await until('messages are published', () => simulator.ledger.acknowledged >= MESSAGES, {
          giveUpMs: 120_000,
        })
        await simulator.stop()
        const account = await stored(env['DATABASE_URL'] as string, simulator.ledger.snapshot())
        assert.deepEqual([account.missing, account.duplicates], [0, 0])
        const { peakMb } = container.memory()
        assert.ok(peakMb < RSS_MB, `${peakMb} MB`)
        for (const line of container.log().trim().split('\n'))
          assert.doesNotThrow(() => JSON.parse(line), line)
        const { code, tookMs } = await container.stop()
        assert.equal(code, 0)
        assert.ok(tookMs < 30_000, `${tookMs} ms`)
      } finally {
        await container.remove()
      }
    })

    it('says what is missing', async () => {
      const noFlow = { ...(await options({ NODE_RED_FLOW: '/flows/other.json' })) }
      await assert.rejects(Container.start(image, noFlow), /no flow at \/flows\/other\.json: mount one there/)
      await assert.rejects(
        Container.start(image, await options({ NODE_RED_EDITOR: 'true' })),
        /NODE_RED_EDITOR is true: set NODE_RED_ADMIN_PASSWORD/,
      )
      await assert.rejects(
        Container.start(image, await options({ NODE_RED_EDITOR: 'yes' })),
        /NODE_RED_EDITOR is "yes"; expected true or false/,
      )
    })
  })
