/** M rows: what can happen to the MQTT broker, to the network before it, and to its session with the source. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync } from 'mqtt'
import { generate, parser as packetParser } from 'mqtt-packet'
import type { ShownStatus } from '../../dev/node-red'
import { until } from '../support/until'
import { AcknowledgementLog } from './acknowledgement-log'
import { viewOf, type ClientView } from './broker-log'
import type { Rewrite } from './fault-proxy'
import { idIn } from './oracle'
import { Qos2Meddler } from './qos2-meddler'
import { ALL_ROWS, faultRow, type Run } from './row'
import { changed, Stage, WINDOW } from './stage'

const SOURCE = 'tenant-mqtt-source'
const BROKER = 'tenant-mqtt-broker'
/** As in the stage's settings. */
const KEEP_ALIVE_MS = 10_000

describe('faults of the MQTT broker and its network', function () {
  this.timeout(120_000)
  let stage: Stage
  let log: AcknowledgementLog
  before(async () => {
    stage = await Stage.start({ mqtt: { config: ['log_type debug', 'sys_interval 1'] } })
    log = await AcknowledgementLog.start(stage)
  })
  after(() => stage?.stop())

  /** The first row: later ones leave a saved state behind, which would survive. */
  faultRow(
    {
      id: 'M2',
      title: 'the MQTT broker is killed and has lost the session: reported',
      reportedLoss: true,
      repeats: 'window',
    },
    () => stage,
    async (run) => {
      await until('500 are acknowledged', () => sourceAtBroker(stage).acknowledged > 500)
      await stage.mqtt.kill()
      const { acknowledged } = sourceAtBroker(stage)
      const stored = (await stage.records()).length
      assert.ok(stored >= acknowledged, `${acknowledged} acknowledged, and ${stored} in Kafka`)
      const ours = log.acknowledged.filter(({ id }) => id.startsWith(`${run.name}-`)).length
      assert.ok(ours > 500, `${ours} acknowledged by the source`)
      await nothingTooEarly()
      await stage.mqtt.restart()
      await reportedSessionLoss(run)
    },
  )

  faultRow(
    {
      id: 'M6',
      title: 'the session is lost while messages are in flight, and their packet ids are reused: reported',
      reportedLoss: true,
    },
    () => stage,
    async (run) => {
      // Packet ids of a session go up from 1, so that only two young sessions have the same.
      run.publisher.setRate(0)
      await until('nothing is on its way', () => stage.sourceIsIdle)
      await stage.mqtt.kill()
      await stage.mqtt.restart()
      await reportedSessionLoss(run)
      for (const proxy of stage.kafkaProxies) proxy.set({ blackHole: true })
      run.publisher.setRate(500)
      await until('300 are on their way', () => outOf(stage) >= 300)
      run.publisher.setRate(0)
      await stage.mqtt.kill()
      const lost = new Map(log.open)
      assert.ok(lost.size >= 300, `${lost.size} sent and not acknowledged`)
      const logged = stage.mqtt.readLog().length
      await stage.mqtt.restart()
      await stage.untilStatus(SOURCE, 'is connected again, and reports the loss', isSessionLost)
      const pending = outOf(stage)
      assert.ok(pending >= 300, `${pending} on their way`)
      run.lossEnded()
      run.publisher.setRate(200)
      await run.publisher.untilMore(300)
      assert.equal(sourceAtBroker(stage, logged).acknowledged, 0, 'an acknowledgement of the lost session')
      const again = (): number => [...log.open.keys()].filter((packetId) => lost.has(packetId)).length
      await until(
        () => `packet ids are used again, 100 (${again()} so far)`,
        () => again() >= 100,
      )
      stage.healNetwork()
      await until('what was on its way is stored', () => outOf(stage) < 50)
      // Now that both messages of a packet id are stored, only the later one may have been acknowledged.
      const stored = new Set((await stage.records()).map(idIn))
      assert.deepEqual(
        [...lost.values()].filter((id) => !stored.has(id)),
        [],
        'on their way when the session was lost, and not stored',
      )
      await until('what came after the loss is acknowledged', () => log.open.size < 50)
      assert.ok(sourceAtBroker(stage, logged).acknowledged >= 100, 'messages of the new session')
      assert.deepEqual(sourceAtBroker(stage, logged).outOfOrder, [], 'an acknowledgement of the lost session')
      await nothingTooEarly()
      run.publisher.setRate(500)
      await reportedSessionLoss(run)
    },
  )

  faultRow(
    {
      id: 'M1',
      title: 'the MQTT broker is restarted cleanly',
      mode: 'message',
      quick: true,
      repeats: 'window',
    },
    () => stage,
    async () => {
      await stage.mqtt.shutDown()
      await stage.untilStatus(SOURCE, 'is red', ({ fill }) => fill === 'red')
      await stage.mqtt.restart()
      await stage.untilGreen(SOURCE)
    },
  )

  const rounds = ALL_ROWS ? 6 : 2
  faultRow(
    {
      id: 'M3',
      title: `the network is cut ${rounds * 2} times in the middle of packets, in both directions`,
      quick: true,
      qos: 1,
      repeats: rounds * 2 * WINDOW,
      timeoutMs: 240_000,
    },
    () => stage,
    async ({ random }) => {
      for (let round = 0; round < rounds; round++) {
        // After several lives of less than 10 s in a row the source suspects a second client with its id, and pauses. The
        // last connection of a round may stand a few seconds later than the status says.
        if (round > 0) await sleep(15_000)
        const [direction, most] = round % 2 === 0 ? (['down', 40_000] as const) : (['up', 2000] as const)
        const { accepted } = stage.mqttProxy
        stage.mqttProxy.set({ cutAfter: { direction, bytes: Math.ceil(random() * most) } })
        // The connection that was there, and one that is cut at exactly this byte.
        await until('it has connected again', () => stage.mqttProxy.accepted >= accepted + 2)
        stage.healNetwork()
        await stage.untilGreen(SOURCE)
      }
      await nothingTooEarly()
    },
  )

  faultRow(
    {
      id: 'M4',
      title: 'the network swallows everything: the keep-alive notices',
      mode: 'message',
      repeats: 'window',
      qos: 1,
    },
    () => stage,
    async () => {
      const logged = stage.mqtt.readLog().length
      const began = performance.now()
      stage.mqttProxy.set({ blackHole: true })
      await stage.untilStatus(SOURCE, 'is red', ({ fill }) => fill === 'red')
      const noticedMs = performance.now() - began
      console.log(`      noticed after ${(noticedMs / 1000).toFixed(1)} s`)
      // A status is shown at most once a second.
      assert.ok(noticedMs <= 1.5 * KEEP_ALIVE_MS + 1500, `noticed after ${noticedMs} ms`)
      stage.healNetwork()
      await stage.untilGreen(SOURCE)
      assert.deepEqual(sourceAtBroker(stage, logged).outOfOrder, [], 'a stale acknowledgement')
      await nothingTooEarly()
    },
  )

  faultRow(
    {
      id: 'M5',
      title: 'packets in slices of 1 byte, then 200 ms late, then at 20 kB/s: no reconnection',
      rate: 40,
    },
    () => stage,
    async () => {
      // The source has a second connection, which counts what the broker drops: that one may notice late what M4 has done.
      const logged = stage.mqtt.readLog().length
      for (const fault of [{ sliceBytes: 1 }, { latencyMs: 200 }, { bytesPerSecond: 20_000 }]) {
        stage.mqttProxy.set(fault)
        await sleep(1.5 * KEEP_ALIVE_MS)
      }
      stage.healNetwork()
      assert.equal(sourceAtBroker(stage, logged).connections, 0)
    },
  )

  faultRow(
    { id: 'M7', title: 'QoS 2 is repeated before and after PUBREC, and unknown packet ids are released' },
    () => stage,
    async ({ publisher }) => {
      const meddler = await Qos2Meddler.start(stage.mqtt.port)
      try {
        await stage.nodeRed.deploy(changed(stage.flow, BROKER, { url: meddler.url }), 'full')
        await publisher.untilMore(2000)
        // With no PUBREL to come, the last one has its answer as well, and none makes up for another.
        publisher.setRate(0)
        await until('nothing is on its way', () => stage.sourceIsIdle)
        const { repeatedBefore, repeatedAfter, unknownReleased } = meddler
        assert.ok(Math.min(repeatedBefore, repeatedAfter) > 50, `${repeatedBefore}, ${repeatedAfter}`)
        await until(
          () => `each PUBREL has its PUBCOMP: ${meddler.unknownCompleted} of ${meddler.unknownReleased}`,
          () => meddler.unknownUnanswered.size === 0,
        )
        assert.equal(meddler.unknownReleased, unknownReleased, 'PUBREL while nothing is published')
        assert.equal(meddler.unknownCompleted, unknownReleased, 'PUBCOMP')
      } finally {
        await stage.nodeRed.deploy(stage.flow, 'full')
        await meddler.stop()
      }
      publisher.setRate(500)
    },
  )

  faultRow(
    {
      id: 'M10',
      title: 'the broker refuses the login in four ways: reported plainly, retried patiently',
      repeats: 'window',
    },
    () => stage,
    async () => {
      const { accepted } = stage.mqttProxy
      for (const [reason, text] of [
        [0x86, 'MQTT: wrong user or password'],
        [0x87, 'MQTT: not authorised'],
        [0x85, 'MQTT: client ID refused'],
        [0x88, 'MQTT: broker unavailable'],
      ] as const) {
        stage.mqttProxy.set({ answer: () => Buffer.from([0x20, 3, 0, reason, 0]) })
        if (reason === 0x86) stage.mqttProxy.reset()
        await stage.untilStatus(SOURCE, `says "${text}"`, (status) => status.text === text)
        assert.equal(stage.statusOf(SOURCE)?.fill, 'red')
      }
      const attempts = stage.mqttProxy.accepted - accepted
      assert.ok(attempts <= 10, `${attempts} attempts`)
      stage.healNetwork()
      await stage.untilGreen(SOURCE)
    },
  )

  faultRow(
    {
      id: 'M12',
      title: 'one of two members of a shared subscription is killed and comes back',
      repeats: 'window',
      unordered: true,
      timeoutMs: 180_000,
    },
    () => stage,
    async (run) => {
      const topic = String(stage.flow.find(({ type }) => type === SOURCE)?.topic)
      const shared = changed(stage.flow, SOURCE, { topic: `$share/pipeline/${topic}` })
      await stage.nodeRed.deploy(shared, 'full')
      const member = await stage.startSecondNodeRed(changed(shared, SOURCE, { clientId: 'member-2' }))
      const text = (): string => member.statuses.get(idOf(SOURCE))?.text ?? ''
      await until('the second member takes part', () => /[1-9]\d*\/s · /.test(text()))
      const kept = await publishRetained(topic)
      await run.publisher.untilMore(1000)
      await member.kill('SIGKILL')
      await run.publisher.untilMore(1000)
      await member.start()
      run.publisher.setRate(0)
      let acknowledged = -1
      await until('everything published is acknowledged', async () => {
        const before = acknowledged
        acknowledged = run.publisher.acknowledged
        await sleep(1000)
        return before === acknowledged
      })
      await until('all is in Kafka', async () => {
        const found = (await stage.records()).filter((record) => isOf(record, run)).map(idIn)
        return new Set(found).size >= acknowledged
      })
      const copies = (await stage.records()).filter((record) => idIn(record) === kept).length
      assert.ok(copies >= 1 && copies <= 2, `the retained message came ${copies} times`)
      await member.stop()
      rmSync(member.userDir, { recursive: true })
      await endSession('member-2')
      await stage.nodeRed.deploy(stage.flow, 'full')
      run.publisher.setRate(500)
    },
  )

  /** Of all that the source has acknowledged since the first row, Kafka had each message before. */
  async function nothingTooEarly(): Promise<void> {
    assert.deepEqual(log.stray, [], 'acknowledged, and not sent on this connection')
    assert.deepEqual(await log.tooEarly(), [], 'acknowledged before Kafka had it')
  }

  /** The loss is in the log and in the status, where it stays until the next deploy. */
  async function reportedSessionLoss(run: Run): Promise<void> {
    await stage.untilStatus(SOURCE, 'reports the loss', isSessionLost)
    assert.match(stage.nodeRed.logTail(), /has lost the session: messages published since .* may be lost/)
    if (run.lossEndedAt === Infinity) run.lossEnded()
    await stage.nodeRed.deploy(stage.flow, 'full')
    await stage.untilGreen(SOURCE)
  }

  /** While the broker keeps the session of a member that has gone, the member takes its share of the messages. */
  async function endSession(clientId: string): Promise<void> {
    const client = await connectAsync(stage.mqtt.address, { clientId, clean: true })
    await client.endAsync()
  }

  /** On the topic of a device; its id is not of the run, so the oracle leaves it alone. */
  async function publishRetained(filter: string): Promise<string> {
    const id = 'kept-1'
    const client = await connectAsync(stage.mqtt.address)
    await client.publishAsync(filter.replace('#', 'tenant-1/kept/device-1'), `{ "id":"${id}" }`, {
      qos: 1,
      retain: true,
    })
    await client.endAsync()
    return id
  }

  function idOf(type: string): string {
    return stage.flow.find((entry) => entry.type === type)?.id ?? ''
  }
})

if (ALL_ROWS) {
  describe('faults of the MQTT window', function () {
    this.timeout(120_000)
    let stage: Stage
    before(async () => {
      stage = await Stage.start({ brokers: 3, mqtt: { config: ['log_type debug'] } })
    })
    after(() => stage?.stop())

    faultRow(
      {
        id: 'M8',
        title: 'one of three Kafka brokers answers late: acknowledgements leave in the order of arrival',
      },
      () => stage,
      async ({ publisher }) => {
        stage.kafkaProxies[1]?.set({ latencyMs: 400 })
        await publisher.untilMore(3000)
        stage.healNetwork()
        const { acknowledged, outOfOrder } = sourceAtBroker(stage)
        assert.ok(acknowledged > 1000, `${acknowledged} acknowledged`)
        assert.deepEqual(outOfOrder, [])
      },
    )

    faultRow(
      {
        id: 'M9',
        title:
          'Kafka is down for 3 minutes, and the MQTT broker ignores the window: ours holds, no reconnect loop',
        rate: 100,
        timeoutMs: 400_000,
      },
      () => stage,
      async (run) => {
        // Mosquitto keeps to the window that it gets, so it gets none.
        const logged = stage.mqtt.readLog().length
        stage.mqttProxy.rewrite = withoutWindow()
        await stage.nodeRed.deploy(stage.flow, 'full')
        await stage.untilGreen(SOURCE)
        const before = await stage.nodeRed.rssBytes()
        for (const proxy of stage.kafkaProxies) proxy.set({ blackHole: true })
        await stage.untilStatus(SOURCE, 'waits', ({ text }) => /^waiting for the flow/.test(text))
        const { accepted } = stage.mqttProxy
        let [mostBytes, mostOut] = [0, 0]
        for (let second = 0; second < 180; second++) {
          await sleep(1000)
          mostOut = Math.max(mostOut, outOf(stage))
          if (second % 10 === 0) mostBytes = Math.max(mostBytes, await stage.nodeRed.rssBytes())
        }
        assert.equal(stage.mqttProxy.accepted, accepted, 'no connection meanwhile')
        const { maxInFlight } = sourceAtBroker(stage, logged)
        const megabytes = Math.round((mostBytes - before) / 1e6)
        console.log(
          `      ${mostOut} held here, ${maxInFlight} sent by the broker at once, ${megabytes} MB more`,
        )
        assert.ok(maxInFlight > WINDOW, `${maxInFlight} sent at once: the broker keeps to the window`)
        assert.ok(mostOut > 0.9 * WINDOW, `${mostOut} held: the window was not full`)
        assert.ok(mostOut <= WINDOW, `${mostOut} held`)
        assert.ok(megabytes < 100, `${megabytes} MB more`)
        stage.healNetwork()
        run.healed()
        await until('the backlog has come', () => outOf(stage) < WINDOW / 10, { giveUpMs: 180_000 })
      },
    )
  })

  describe("faults of the MQTT broker's queue", function () {
    this.timeout(120_000)
    let stage: Stage
    before(async () => {
      stage = await Stage.start({
        mqtt: { config: ['max_queued_messages 1000', 'sys_interval 1'] },
        change: { [BROKER]: { keepAliveSeconds: 10, queueMessages: 1000 } },
      })
    })
    after(() => stage?.stop())

    faultRow(
      {
        id: 'M11',
        title:
          "the MQTT broker's queue overflows while Kafka is down: announced, and reported with its count",
        reportedLoss: true,
        rate: 200,
      },
      () => stage,
      async (run) => {
        for (const proxy of stage.kafkaProxies) proxy.set({ blackHole: true })
        await stage.untilStatus(SOURCE, 'announces it', ({ text }) => /broker's queue full in/.test(text))
        await stage.untilStatus(SOURCE, 'says that it is full', ({ text }) => /^possible loss/.test(text))
        await until('the broker has counted', () =>
          /possible loss: the MQTT broker at .* has dropped/.test(stage.nodeRed.logTail()),
        )
        stage.healNetwork()
        await stage.untilStatus(SOURCE, 'reports it', ({ text }) => /broker dropped [\d,]+ since/.test(text))
        await until('the window moves again', () => outOf(stage) < WINDOW / 2)
        run.lossEnded()
        run.publisher.setRate(0)
        await until('what the broker still had is stored', () => stage.sourceIsIdle)
        const found = new Set((await stage.records()).filter((record) => isOf(record, run)).map(idIn))
        // Exact, because this broker has no other client with a queue that could overflow.
        const lost = run.publisher.acknowledged - found.size
        assert.ok(lost > 0, 'nothing is missing')
        await until(
          () => `${lost} are missing, and the source reports as many: ${stage.statusOf(SOURCE)?.text}`,
          () => droppedBy(stage) === lost,
        )
        run.publisher.setRate(200)
      },
    )
  })
}

/** Takes the receive maximum out of what a client says when it connects: the broker may then send 65,535 at once. */
function withoutWindow(): Rewrite {
  const connected = new WeakSet<object>()
  return (bytes, direction, connection) => {
    if (direction === 'down' || connected.has(connection)) return Promise.resolve(bytes)
    connected.add(connection)
    let changedBytes = bytes
    const parser = packetParser()
    parser.on('packet', (packet) => {
      if (packet.cmd !== 'connect') return
      delete packet.properties?.receiveMaximum
      changedBytes = generate(packet)
    })
    parser.parse(bytes)
    return Promise.resolve(changedBytes)
  }
}

/** Shown while it is connected. */
function isSessionLost({ text }: ShownStatus): boolean {
  return /session lost, away since/.test(text)
}

/** The MQTT broker's view of the source. */
function sourceAtBroker(stage: Stage, from = 0): ClientView {
  const clientId = String(stage.flow.find(({ type }) => type === SOURCE)?.clientId)
  return viewOf(stage.mqtt.readLog().slice(from), clientId)
}

/** Messages that are on their way, as the source shows. */
function outOf(stage: Stage): number {
  const [, count = '0'] = /([\d,]+) in flight/.exec(stage.statusOf(SOURCE)?.text ?? '') ?? []
  return Number(count.replace(',', ''))
}

/** Messages that the MQTT broker has dropped, as the source shows. */
function droppedBy(stage: Stage): number {
  const [, count = '0'] = /broker dropped ([\d,]+) since/.exec(stage.statusOf(SOURCE)?.text ?? '') ?? []
  return Number(count.replaceAll(',', ''))
}

function isOf(record: Parameters<typeof idIn>[0], run: Run): boolean {
  return idIn(record)?.startsWith(`${run.name}-`) === true
}
