/**
 * What a user learns when the flow stands: how old the oldest message is, when the broker's queue will be full, and
 * how much the broker has dropped.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import { startMosquitto, type Mosquitto, type MosquittoOptions } from '../../dev/services/mosquitto'
import { deploy, helper, loggedCodes, startRuntime, stopRuntime, untilLogged } from '../support/runtime'
import { SourceFlow, type SourceFlowOptions } from '../support/source-flow'
import { until } from '../support/until'

describe('MQTT source, when the flow stands', () => {
  let broker: Mosquitto
  let publisher: MqttClient
  let name = ''
  let published = 0

  before(startRuntime)
  after(stopRuntime)
  beforeEach(() => {
    name = `t${randomBytes(5).toString('hex')}`
    published = 0
  })
  afterEach(async () => {
    await helper.unload()
    await publisher.endAsync(true)
    await broker.stop()
  })

  async function startBroker(
    config: readonly string[],
    { user, maxInflight = 0 }: Pick<MosquittoOptions, 'user' | 'maxInflight'> = {},
  ) {
    broker = await startMosquitto({ savesEveryChange: false, maxInflight, config, ...(user && { user }) })
    publisher = await connectAsync(broker.address, {
      ...(user && { username: user.name, password: user.password }),
    })
  }

  async function publish(count: number): Promise<void> {
    const from = published
    published += count
    await Promise.all(
      Array.from({ length: count }, (_, i) =>
        publisher.publishAsync(`${name}/device`, String(from + i), { qos: 1 }),
      ),
    )
  }

  it("warns before the broker's queue is full, and reports what was dropped", async function () {
    this.timeout(90_000)
    await startBroker(['sys_interval 1', 'max_queued_messages 300'])
    const flow = await SourceFlow.start({
      url: broker.address,
      name,
      broker: { keepAliveSeconds: 2, queueMessages: 300 },
      source: { windowMessages: 50 },
    })
    await flow.untilConnected()
    await until('a rate is known', async () => {
      await publish(5)
      await sleep(95)
      return published >= 200
    })
    flow.sink.holding = []
    await until('the queue fills', async () => {
      await publish(5)
      await sleep(95)
      return /broker's queue full in \d+ s/.test(flow.text)
    })
    assert.ok(flow.log.some((line) => /then it drops messages/.test(line)))
    await until('it is full', async () => {
      await publish(5)
      await sleep(45)
      return flow.status.fill === 'red'
    })
    assert.match(flow.text, /possible loss/)
    await publish(300)
    await flow.untilLogged(/possible loss: the MQTT broker at .* has dropped .* probably its own/)

    const held = flow.sink.holding ?? []
    flow.sink.holding = undefined
    for (const copy of held) copy.confirm()
    await flow.untilText(/ 0 in flight · possible loss: broker dropped [\d,]+ since/)
    const dropped = (): number => Number(/dropped ([\d,]+)/.exec(flow.text)?.[1]?.replace(',', ''))
    await until(
      () => `what has come and what was dropped is what was published: ${published}, ${flow.text}`,
      () => new Set(flow.payloads).size + dropped() === published,
    )
    assert.equal(flow.status.fill, 'yellow')
    const words = flow.log.join('\n')
    assert.ok(!words.includes(name), 'no topic, no client id')
    for (const code of ['MQTT_QUEUE_FILLING', 'MQTT_QUEUE_FULL', 'MQTT_DROPPED'])
      assert.ok(loggedCodes('source').includes(code), code)

    // As another user it has not heard of this broker's count before.
    await helper.unload()
    await SourceFlow.start({ url: broker.address, name: `${name}-later`, broker: { user: 'another' } })
    await untilLogged('source', 'MQTT_DROPPED_EARLIER')
  })

  /** Publishes at about this rate until the state is reached. */
  async function publishUntil(what: string, perSecond: number, condition: () => boolean): Promise<void> {
    await until(what, async () => {
      await publish(perSecond / 10)
      await sleep(95)
      return condition()
    })
  }

  it("warns too when the broker's own limit of unacknowledged messages stops the flow", async function () {
    this.timeout(90_000)
    await startBroker(['sys_interval 1', 'max_queued_messages 300'], { maxInflight: 20 })
    const flow = await SourceFlow.start({
      url: broker.address,
      name,
      broker: { protocolVersion: '3.1.1', queueMessages: 300 },
    })
    await flow.untilConnected()
    await publishUntil('a rate is known', 50, () => published >= 200)
    flow.sink.holding = []
    await publishUntil('the queue fills', 50, () =>
      /20 in flight.* · broker's queue full in \d+ s/.test(flow.text),
    )
    await publishUntil('it is full', 100, () => flow.status.fill === 'red')
    assert.ok(flow.log.some((line) => /then it drops messages/.test(line)))
    await publish(300)
    await flow.untilLogged(/possible loss: the MQTT broker at .* has dropped .* probably its own/)
    assert.ok(!flow.log.some((line) => /another client/.test(line)))
  })

  it("a deploy does not make it forget how full the broker's queue is", async function () {
    this.timeout(90_000)
    await startBroker(['sys_interval 0', 'max_queued_messages 1000'])
    const options: SourceFlowOptions = {
      url: broker.address,
      name,
      broker: { queueMessages: 1000 },
      source: { windowMessages: 50 },
    }
    const before = await SourceFlow.start(options)
    await before.untilConnected()
    await publishUntil('a rate is known', 50, () => published >= 200)
    before.sink.holding = []
    await publishUntil('the queue fills', 50, () => secondsLeft(before) > 0)
    const left = secondsLeft(before)

    await deploy(SourceFlow.entries({ ...options, source: { windowMessages: 50, attempts: 3 } }), 'nodes')
    const after = SourceFlow.attach()
    after.sink.holding = []
    await publishUntil('the queue fills on', 50, () => secondsLeft(after) > 0 && secondsLeft(after) < left)
    await publishUntil('it is full', 50, () => after.status.fill === 'red')
    assert.ok(after.log.some((line) => /queue for this client .* is full since/.test(line)))
  })

  it('continues without the count when the broker does not let it see that, and says so once', async () => {
    const user = { name: 'node', password: 'secret' }
    const rules = path.join(tmpdir(), `${name}.acl`)
    writeFileSync(rules, `user node\ntopic readwrite ${name}/#\n`)
    await startBroker([`acl_file ${rules}`], { user })
    process.env.TEST_MQTT_PASSWORD = user.password
    const flow = await SourceFlow.start({
      url: broker.address,
      name,
      broker: { user: user.name, passwordEnv: 'TEST_MQTT_PASSWORD' },
      source: { windowMessages: 50 },
    })
    await flow.untilConnected()
    await untilLogged('source', 'MQTT_DROPS_UNKNOWN')
    await publish(200)
    await until('all have arrived', () => flow.payloads.length === 200)
    assert.equal(flow.status.fill, 'green')
    assert.equal(flow.log.filter((line) => /does not tell/.test(line)).length, 1)
    delete process.env.TEST_MQTT_PASSWORD
  })

  it('shows the age of a message that a node keeps to itself, emits it again, and stays connected', async () => {
    await startBroker(['sys_interval 0'])
    const flow = await SourceFlow.start({
      url: broker.address,
      name,
      broker: { keepAliveSeconds: 2 },
      source: { deliveryTimeoutMs: 1000 },
      wires: [['black hole'], []],
      more: [
        {
          id: 'black hole',
          z: 'tab',
          type: 'function',
          outputs: 1,
          wires: [['sink']],
          // Each message is kept three times and sent on at last. Never done: the node is asynchronous.
          func: `const kept = context.get('kept') ?? {}
                 kept[msg.messageId] = (kept[msg.messageId] ?? 0) + 1
                 context.set('kept', kept)
                 if (kept[msg.messageId] > 3) { node.send(msg); node.done() }
                 else return new Promise(() => undefined)`,
        },
      ],
    })
    await flow.untilConnected()
    await publish(10)
    await flow.untilText(/10 in flight · oldest [3-9] s/)
    assert.equal(flow.status.fill, 'yellow')
    await until('all are stored', () => flow.payloads.length >= 10)
    assert.deepEqual(flow.payloads.sort(), [...'0123456789'])
    await flow.untilText(/^\d+\/s · 0 in flight$/)
    assert.ok(
      !flow.statusTexts.slice(1).some((text) => /connecting|lost|waiting/.test(text)),
      String(flow.statusTexts),
    )
  })
})

/** What the source says is left until the broker's queue is full; 0 when it says nothing. */
function secondsLeft(flow: SourceFlow): number {
  return Number(/broker's queue full in (\d+) s/.exec(flow.text)?.[1] ?? 0)
}
