import assert from 'node:assert/strict'
import fc from 'fast-check'
import { packetsOf } from '../../../../src/mqtt/connect/filter-packets'

describe('the topic filters of one packet', () => {
  it('are at most eight, in order, and no more than the broker takes', () => {
    const filters = fc.array(fc.stringMatching(/^[a-zä/+]{1,60}$/), { maxLength: 40 })
    fc.assert(
      fc.property(filters, fc.integer({ min: 200, max: 400 }), (all, maxBytes) => {
        const packets = packetsOf(all, maxBytes, 'h')
        assert.deepEqual(packets.flat(), all)
        for (const packet of packets) {
          assert.ok(packet.length >= 1 && packet.length <= 8)
          const bytes = packet.reduce((sum, filter) => sum + 3 + Buffer.byteLength(filter), 0)
          assert.ok(bytes + 10 <= maxBytes, `${bytes}`)
        }
      }),
    )
  })

  it('are refused, with the limit, when one alone does not fit', () => {
    assert.throws(() => packetsOf(['a', 'x'.repeat(100)], 64, 'h:1'), {
      code: 'MQTT_FILTER_UNAVAILABLE',
      statusText: 'refused: packets of up to 64 bytes',
    })
  })
})
