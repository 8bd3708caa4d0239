/**
 * Publishes to an MQTT broker with QoS 1 and little processor time of its own: 3.1.1 on a plain socket, each packet
 * written once. Fills a queue as fast as the broker takes it, or publishes at an even rate.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { generate } from 'mqtt-packet'

/** Without an acknowledgement, while a queue is filled. */
const WINDOW = 2000
const TICK_MS = 2
/** CONNACK and PUBACK of 3.1.1 have four bytes, and nothing else comes from the broker. */
const ANSWER_BYTES = 4
const LAST_ID = 65_535

/** What is published: the nth message. */
export type MessageOf = (n: number) => { readonly topic: string; readonly payload: string | Buffer }

export class Publisher {
  private sent = 0
  private answeredBytes = -ANSWER_BYTES
  private wake: () => void = () => undefined

  private constructor(private readonly socket: Socket) {
    socket.on('data', (answers: Buffer) => {
      this.answeredBytes += answers.length
      this.wake()
    })
    socket.on('error', () => this.wake())
  }

  static async connect(url: string): Promise<Publisher> {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    await once(socket, 'connect')
    const publisher = new Publisher(socket)
    socket.write(generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, clientId: `publisher-${process.pid}-${port}`, keepalive: 0 })) // prettier-ignore
    await once(socket, 'data')
    return publisher
  }

  get acknowledged(): number {
    return this.answeredBytes / ANSWER_BYTES
  }

  /** Resolves when the broker has acknowledged all of them. */
  async fill(count: number, messageOf: MessageOf, signal: AbortSignal): Promise<void> {
    const end = this.sent + count
    for (let n = 0; this.sent < end; n++) {
      this.write(messageOf(n))
      if (this.sent - this.acknowledged >= WINDOW)
        await this.untilAcknowledged(this.sent - WINDOW / 2, signal)
    }
    await this.untilAcknowledged(end, signal)
  }

  /** For that long, evenly. @returns how many it published; the broker has acknowledged all of them */
  async run(rate: number, ms: number, messageOf: MessageOf, signal: AbortSignal): Promise<number> {
    const startedAt = performance.now()
    let n = 0
    for (let passed = 0; passed < ms; passed = performance.now() - startedAt) {
      for (const due = Math.floor((Math.min(passed, ms) * rate) / 1000); n < due; n++)
        this.write(messageOf(n))
      await sleep(TICK_MS, undefined, { signal })
    }
    await this.untilAcknowledged(this.sent, signal)
    return n
  }

  close(): void {
    this.socket.destroy()
  }

  private write({ topic, payload }: ReturnType<MessageOf>): void {
    const messageId = (this.sent++ % LAST_ID) + 1
    this.socket.write(
      generate({ cmd: 'publish', topic, payload, qos: 1, dup: false, retain: false, messageId }),
    )
  }

  private async untilAcknowledged(count: number, signal: AbortSignal): Promise<void> {
    while (this.acknowledged < count) {
      signal.throwIfAborted()
      if (this.socket.destroyed) throw new Error("the MQTT broker has closed the publisher's connection")
      const woken = new Promise<void>((resolve) => (this.wake = resolve))
      await Promise.race([woken, sleep(1000, undefined, { ref: false })])
    }
  }
}
