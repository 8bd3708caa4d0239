/**
 * Simulated devices that publish at a steady rate over one MQTT connection, and keep a ledger of what the broker
 * has acknowledged. What was not acknowledged when the connection broke is sent again with the same sequence
 * number (MQTT.js keeps it), so the ledger never counts a message that the broker may not have.
 */
import { randomBytes } from 'node:crypto'
import { connect, type MqttClient } from 'mqtt'
import { devicesOf, readingOf, type Device, type Fleet } from './fleet'
import { AcknowledgementLedger } from './ledger'
import { Pace } from './pace'

export interface SimulatorOptions extends Fleet {
  /** Address of the broker, with user and password where it wants them. */
  readonly url: string
  /** Messages a second, of all devices together. */
  readonly rate: number
  readonly qos: 0 | 1 | 2
  /** Limit of publishes in flight; at the limit, no new ones begin. */
  readonly maxUnacknowledged?: number
}

const TICK_MS = 10
const RECONNECT_MS = 500
const DEFAULT_MAX_UNACKNOWLEDGED = 2000

export class Simulator {
  readonly ledger = new AcknowledgementLedger(randomBytes(4).toString('hex'))
  private readonly devices: readonly Device[]
  private readonly pace: Pace
  private readonly timer: NodeJS.Timeout
  private nextDevice = 0
  private onIdle: (() => void) | undefined
  /** The latest error of the connection; cleared when it works again. */
  problem: Error | undefined

  private constructor(
    private readonly client: MqttClient,
    private readonly options: SimulatorOptions,
  ) {
    this.devices = devicesOf(options)
    this.pace = new Pace(options.rate, performance.now())
    client.on('connect', () => (this.problem = undefined))
    client.on('error', (error) => (this.problem = error))
    this.timer = setInterval(() => this.publishDue(), TICK_MS)
  }

  /** Connects, for as long as it takes, and begins to publish. */
  static async start(options: SimulatorOptions): Promise<Simulator> {
    // 3.1.1, as most devices: it has no receive maximum which would limit the rate.
    const client = connect(options.url, { protocolVersion: 4, reconnectPeriod: RECONNECT_MS, keepalive: 30 })
    client.on('error', () => undefined)
    await new Promise<void>((resolve) => client.once('connect', () => resolve()))
    return new Simulator(client, options)
  }

  /** Changes the rate of the running simulator, in messages a second; 0 pauses it. */
  setRate(perSecond: number): void {
    this.pace.rate = perSecond
  }

  /**
   * Stops publishing and waits for the acknowledgements that are due.
   * @returns whether all of them came in time
   */
  async stop(timeoutMs = 10_000): Promise<boolean> {
    clearInterval(this.timer)
    if (this.ledger.unacknowledged > 0) {
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve) => {
        this.onIdle = resolve
        timer = setTimeout(resolve, timeoutMs)
      })
      clearTimeout(timer)
    }
    await this.client.endAsync(true)
    return this.ledger.unacknowledged === 0
  }

  private publishDue(): void {
    const due = this.pace.due(performance.now())
    if (!this.client.connected) return
    const free = (this.options.maxUnacknowledged ?? DEFAULT_MAX_UNACKNOWLEDGED) - this.ledger.unacknowledged
    const nowMs = Date.now()
    for (let count = Math.min(due, free); count > 0; count--) this.publish(nowMs)
  }

  private publish(nowMs: number): void {
    const device = this.devices[this.nextDevice++ % this.devices.length] as Device
    const seq = this.ledger.issue(device.topic)
    const reading = readingOf(device, this.ledger.runId, seq, nowMs)
    this.client.publish(device.topic, reading, { qos: this.options.qos }, (error) => {
      if (error) return
      this.ledger.acknowledge(device.topic, seq)
      if (this.ledger.unacknowledged === 0) this.onIdle?.()
    })
  }
}
