/**
 * Devices that publish at a steady rate, in a process of their own: it continues whatever happens to Node-RED, and its
 * logs tell afterwards what must be found. Half of the devices publish with QoS 1, half with the QoS that is given.
 *
 * Usage: main.ts <folder> <url> <run> <rate> <qos>; the parent may send `{ rate }`, and ends it with SIGTERM.
 */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type MqttClient } from 'mqtt'
import { devicesOf, type Device } from '../../../dev/simulator/fleet'
import { Pace } from '../../../dev/simulator/pace'
import { intentLine, LineLog, type Intent } from './logs'
import type { Told } from './process'

const FLEET = { tenants: 3, projects: 2, devices: 12 }
const TICK_MS = 10
const RECONNECT_MS = 300
const MAX_UNACKNOWLEDGED = 1000
/** So long it waits at its end for acknowledgements that are due. */
const LAST_WAIT_MS = 20_000

interface Message extends Intent {
  readonly payload: string
  readonly qos: 1 | 2
}

class Publisher {
  private readonly devices = devicesOf(FLEET)
  private readonly sequences = new Map<string, number>()
  private readonly pace: Pace
  /** Ids on their way to the broker. */
  private readonly open = new Set<string>()
  private fresh: string[] = []
  private count = 0
  private acknowledged = 0
  private resent = 0
  private stopping = false

  constructor(
    private readonly client: MqttClient,
    private readonly run: string,
    rate: number,
    private readonly qos: 1 | 2,
    private readonly intents: LineLog,
    private readonly acknowledgements: LineLog,
  ) {
    this.pace = new Pace(rate, performance.now())
    // What was on its way when the connection broke is sent again, and the broker may have had it.
    client.on('close', () => (this.resent += this.open.size))
  }

  set rate(perSecond: number) {
    this.pace.rate = perSecond
  }

  stop(): void {
    this.stopping = true
  }

  async work(): Promise<void> {
    while (!this.stopping) {
      await this.publishDue()
      await this.logAcknowledged()
      await sleep(TICK_MS)
    }
    const giveUpAt = performance.now() + LAST_WAIT_MS
    while (this.open.size > 0 && performance.now() < giveUpAt) await sleep(TICK_MS)
    await this.logAcknowledged()
  }

  private async publishDue(): Promise<void> {
    const due = this.pace.due(performance.now())
    if (!this.client.connected) return
    const messages = Array.from({ length: Math.min(due, MAX_UNACKNOWLEDGED - this.open.size) }, () =>
      this.nextMessage(),
    )
    await this.intents.append(messages.map(intentLine))
    for (const message of messages) this.publish(message)
  }

  private publish({ id, topic, payload, qos }: Message): void {
    this.open.add(id)
    this.client.publish(topic, payload, { qos }, (error) => {
      if (error) return
      this.open.delete(id)
      this.fresh.push(id)
    })
  }

  private async logAcknowledged(): Promise<void> {
    if (this.fresh.length === 0) return
    const ids = this.fresh
    this.fresh = []
    await this.acknowledgements.append(ids)
    this.acknowledged += ids.length
    tell({ acknowledged: this.acknowledged, resent: this.resent })
  }

  private nextMessage(): Message {
    const index = this.count++
    const { topic, id: device } = this.devices[index % this.devices.length] as Device
    const seq = (this.sequences.get(topic) ?? 0) + 1
    this.sequences.set(topic, seq)
    const id = `${this.run}-${index}`
    const payload = payloadOf(id, device, seq)
    const sha256 = createHash('sha256').update(payload).digest('hex')
    const qos = index % 2 === 0 ? 1 : this.qos
    return { id, topic, seq, sha256, publishedAt: Date.now(), payload, qos }
  }
}

/** JSON that comes out different when it is parsed and written again: spaces, 1.0, -0, escapes, a double key. */
function payloadOf(id: string, device: string, seq: number): string {
  const filling = 'ÄÖÜ→\\u00e4'.repeat(1 + (seq % 12))
  return `{ "id":"${id}", "device" : "${device}", "seq":${seq}, "value":1.0, "zero":-0, "id":"${id}", "text":"${filling}" }`
}

function tell(told: Told): void {
  if (process.connected) process.send?.(told)
}

async function main(): Promise<void> {
  const [folder = '', url = '', run = '', rate = '', qos = ''] = process.argv.slice(2)
  const [intents, acknowledgements] = [await LineLog.intents(folder), await LineLog.acknowledgements(folder)]
  // A session of its own, so that a QoS 2 exchange continues after a reconnect instead of beginning again.
  const client = connect(url, {
    clientId: `publisher-${run}`,
    protocolVersion: 4,
    clean: false,
    reconnectPeriod: RECONNECT_MS,
    keepalive: 30,
  })
  client.on('error', () => undefined)
  await new Promise<void>((resolve) => client.once('connect', () => resolve()))
  const publisher = new Publisher(client, run, Number(rate), qos === '1' ? 1 : 2, intents, acknowledgements)
  process.on('SIGTERM', () => publisher.stop())
  process.on('message', (asked: { rate: number }) => (publisher.rate = asked.rate))
  process.on('disconnect', () => publisher.stop())
  tell({ acknowledged: 0, resent: 0 })
  await publisher.work()
  await Promise.all([intents.close(), acknowledgements.close()])
  await client.endAsync(true)
  process.exit(0)
}

void main()
