import assert from 'node:assert/strict'
import { connect, type MqttClient } from 'mqtt'
import { startMosquitto, type Mosquitto } from '../../../dev/services/mosquitto'
import { devicesOf, readingOf } from '../../../dev/simulator/fleet'
import { acknowledgedIn, AcknowledgementLedger } from '../../../dev/simulator/ledger'
import { LONGEST_BURST_MS, Pace } from '../../../dev/simulator/pace'
import { Simulator } from '../../../dev/simulator/simulator'
import { until } from '../../support/until'

const fleet = { tenants: 3, projects: 2, devices: 14 }

describe('the fleet', () => {
  it('spreads its devices evenly over all projects of all tenants', () => {
    const topics = devicesOf(fleet).map((device) => device.topic)
    assert.equal(new Set(topics).size, 14)
    const perProject = new Map<string, number>()
    for (const topic of topics) {
      const project = topic.slice(0, topic.lastIndexOf('/'))
      perProject.set(project, (perProject.get(project) ?? 0) + 1)
    }
    assert.deepEqual([...perProject.values()].sort(), [2, 2, 2, 2, 3, 3])
    assert.equal(topics[0], 'mtic/msg/client/realtime/tenant-1/project-1/sensor-001')
  })

  it('sends readings that are JSON, with the time in seconds', () => {
    const [device] = devicesOf(fleet)
    assert.ok(device)
    const reading = JSON.parse(readingOf(device, 'run', 7, 1732715160_999)) as Record<string, unknown>
    const { temperature, humidity, ...rest } = reading
    assert.deepEqual(rest, { deviceId: 'sensor-001', timestamp: 1732715160, seq: 7, run: 'run' })
    assert.equal(typeof temperature, 'number')
    assert.equal(typeof humidity, 'number')
  })
})

describe('the pace', () => {
  it('keeps the rate when the timer is late, and carries fractions on', () => {
    const pace = new Pace(1500, 0)
    let sent = 0
    for (let nowMs = 0; nowMs <= 10_000; nowMs += 7 + (nowMs % 13)) sent += pace.due(nowMs)
    assert.ok(Math.abs(sent - 15_000) <= 30, String(sent))
  })

  it('does not catch up after a long pause', () => {
    const pace = new Pace(1000, 0)
    assert.equal(pace.due(60_000), LONGEST_BURST_MS)
  })
})

describe('the ledger', () => {
  it('counts what was acknowledged, once, in any order', () => {
    const ledger = new AcknowledgementLedger('run')
    const seqs = ['a', 'a', 'a', 'b'].map((topic) => ledger.issue(topic))
    assert.deepEqual(seqs, [1, 2, 3, 1])
    ledger.acknowledge('a', 3)
    ledger.acknowledge('a', 1)
    ledger.acknowledge('a', 1)
    assert.equal(ledger.acknowledged, 2)
    assert.equal(ledger.unacknowledged, 2)
    const snapshot = ledger.snapshot()
    assert.deepEqual(snapshot.devices, {
      a: { issued: 3, unacknowledged: [2] },
      b: { issued: 1, unacknowledged: [1] },
    })
    assert.equal(acknowledgedIn(snapshot), 2)
  })
})

/** No measure of speed: a machine that runs other tests beside this one may need some seconds. */
const ALL_ACKNOWLEDGED_MS = 40_000

describe('the simulator', () => {
  let broker: Mosquitto
  let subscriber: MqttClient

  before(async () => {
    broker = await startMosquitto()
    subscriber = connect(broker.address, { clean: false, clientId: 'test', reconnectPeriod: 100 })
    await subscriber.subscribeAsync('mtic/#', { qos: 1 })
  })
  after(async () => {
    subscriber.end(true)
    await broker.stop()
  })

  it('numbers the messages of a device without a gap, also when the broker dies and comes back', async () => {
    const highest = new Map<string, number>()
    subscriber.on('message', (topic, payload) => {
      const { seq } = JSON.parse(payload.toString()) as { seq: number }
      const before = highest.get(topic) ?? 0
      assert.ok(seq <= before + 1, `${topic}: ${seq} after ${before}`)
      highest.set(topic, Math.max(before, seq))
    })
    const simulator = await Simulator.start({ ...fleet, url: broker.address, rate: 2000, qos: 1 })
    await until('messages flow', () => simulator.ledger.acknowledged > 1000)
    await broker.kill()
    await broker.restart()
    const acknowledged = simulator.ledger.acknowledged
    await until('messages flow again', () => simulator.ledger.acknowledged > acknowledged + 1000)
    const { ledger, problem } = simulator
    const isDone = await simulator.stop(ALL_ACKNOWLEDGED_MS)
    assert.ok(isDone, `${ledger.unacknowledged} are not acknowledged; ${problem?.message ?? 'connected'}`)
    const received = (): number => [...highest.values()].reduce((sum, seq) => sum + seq, 0)
    await until('all have arrived', () => received() === simulator.ledger.acknowledged)
  })
})
