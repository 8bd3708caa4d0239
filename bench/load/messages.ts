/** What devices publish: JSON of a given size, from 20 tenants and 200 devices unless a row wants other numbers. */
import type { Message } from 'kafkajs'
import type { MessageOf } from './publisher'

export const PAYLOAD_BYTES = 300
const DEVICES = 200
const STAMP = /"sent":(\d{16})/

export interface Traffic {
  readonly tenants?: number
  readonly payloadBytes?: number
}

/** MQTT messages; each carries the time it was made at, in microseconds since 1970. */
export function mqttMessages({ tenants = 20, payloadBytes = PAYLOAD_BYTES }: Traffic = {}): MessageOf {
  return (n) => {
    const [tenant, device] = [n % tenants, n % DEVICES]
    return {
      topic: `mtic/msg/client/realtime/tenant${tenant}/project${tenant}/device${device}`,
      payload: payloadOf(n, device, payloadBytes),
    }
  }
}

/** Kafka records as the producer node writes them. */
export function kafkaRecord(n: number, partition: number, value?: Buffer): Message {
  const [tenant, device] = [`tenant${n % 20}`, n % DEVICES]
  return {
    partition,
    key: `${tenant}/${tenant}/device${device}`,
    value: value ?? payloadOf(n, device, PAYLOAD_BYTES),
    headers: {
      tenant,
      project: tenant,
      'mqtt-topic': `mtic/msg/client/realtime/${tenant}/${tenant}/device${device}`,
      'message-id': `bench-${n}`,
      'received-at': String(Date.now()),
    },
  }
}

/** A record with four numbers, of one of 200 devices; all of a device's are in one partition. */
export function measurement(n: number, partitions: number): Message {
  const device = n % DEVICES
  const head =
    `{"deviceId":"device${device}","temperature":${(n % 1000) / 10},"humidity":${(n % 97) / 4},` +
    `"voltage":${220 + (n % 7) / 8},"seq":${n},"pad":"`
  const record = kafkaRecord(n, device % partitions, Buffer.from(padded(head, PAYLOAD_BYTES)))
  return { ...record, headers: { ...record.headers, device: `device${device}` } }
}

/** Microseconds since 1970, of the clock that PostgreSQL on this machine reads as well. */
export function nowMicros(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000)
}

/** When a message was made, from its bytes. */
export function sentMicros(packet: Buffer): number | undefined {
  const at = packet.indexOf('"sent":')
  const digits = at < 0 ? null : STAMP.exec(packet.toString('latin1', at, at + 23))
  return digits === null ? undefined : Number(digits[1])
}

function payloadOf(n: number, device: number, bytes: number): string {
  const head = `{"sent":${nowMicros()},"deviceId":"device${device}","seq":${n},"pad":"`
  return padded(head, bytes)
}

function padded(head: string, bytes: number): string {
  return head + 'x'.repeat(Math.max(0, bytes - head.length - 2)) + '"}'
}
