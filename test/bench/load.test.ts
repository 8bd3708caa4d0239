/** What the load generator and the tap make of bytes. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { generate } from 'mqtt-packet'
import { mqttMessages, nowMicros, sentMicros } from '../../bench/load/messages'
import { PacketCutter } from '../../bench/load/packet-cutter'

const PUBLISH = 3

describe('the load of the benchmark', () => {
  it('makes payloads of the size that is asked for, as JSON that says when it was made', () => {
    for (const payloadBytes of [100, 300, 100_000]) {
      const before = nowMicros()
      const { topic, payload } = mqttMessages({ tenants: 10, payloadBytes })(123)
      assert.equal(payload.length, payloadBytes)
      assert.equal(topic, 'mtic/msg/client/realtime/tenant3/project3/device123')
      const { sent } = JSON.parse(String(payload)) as { sent: number }
      assert.ok(sent >= before && sent <= nowMicros())
      assert.equal(sentMicros(Buffer.from(payload)), sent)
    }
    assert.equal(sentMicros(Buffer.from('{"sent":12}')), undefined)
  })

  it('finds every PUBLISH of a stream, however it is cut', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 5000 }), (payloads, cut) => {
        const packets = payloads.flatMap((size, at) => [
          generate({
            cmd: 'publish',
            topic: 'a',
            payload: Buffer.alloc(size),
            qos: 1,
            messageId: at + 1,
            dup: false,
            retain: false,
          }),
          generate({ cmd: 'puback', messageId: at + 1 }),
        ])
        const stream = Buffer.concat(packets)
        const ids: number[] = []
        const cutter = new PacketCutter(PUBLISH, (packet, body) =>
          ids.push(packet.readUInt16BE(body + 2 + 1)),
        )
        for (let from = 0; from < stream.length; from += cut) cutter.add(stream.subarray(from, from + cut))
        assert.deepEqual(
          ids,
          payloads.map((_, at) => at + 1),
        )
      }),
      { numRuns: 50 },
    )
  })
})
