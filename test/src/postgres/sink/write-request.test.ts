import assert from 'node:assert/strict'
import type { Message } from '../../../../src/wire/message'
import { refusedElement } from '../../../../src/postgres/rows/elements'
import { writeRequestOf } from '../../../../src/postgres/sink/write-request'

const range = { clusterId: 'c', group: 'g', topic: 't', partition: 0, firstOffset: 5, nextOffset: 7 }
const fromKafka = { payload: 1, kafka: { topic: 't', partition: 0, offset: 5 } }

describe('the way of a message through the sink', () => {
  it('is the ledger for a batch with a range', () => {
    const message: Message = { batch: true, payload: [fromKafka], kafka: range }
    assert.deepEqual(writeRequestOf(message, 'ledger'), { way: 'range', range, records: [fromKafka] })
  })

  it('is the key for everything when that is chosen', () => {
    const message: Message = { batch: true, payload: [fromKafka], kafka: range }
    assert.deepEqual(writeRequestOf(message, 'key'), { way: 'records', records: [fromKafka] })
  })

  it('is closed by ledger for records from Kafka without a range', () => {
    for (const message of [
      fromKafka,
      { batch: true, payload: [fromKafka] },
      { batch: true, payload: [fromKafka], kafka: { ...range, nextOffset: 4 } },
      // What the ledger cannot hold would fail for as long as it is tried.
      { batch: true, payload: [fromKafka], kafka: { ...range, partition: 2 ** 31 } },
      { batch: true, payload: [fromKafka], kafka: { ...range, topic: 't\0' } },
      { ...fromKafka, kafka: { ...range, offset: 5 } },
    ]) {
      assert.throws(() => writeRequestOf(message, 'ledger'), { code: 'RANGE_MISSING', retryable: false })
    }
  })

  it('is open by ledger for records from elsewhere', () => {
    const message: Message = { payload: 1, topic: 'x' }
    assert.deepEqual(writeRequestOf(message, 'ledger'), { way: 'records', records: [message] })
  })

  it('takes what is no record in a batch for the payload of one that is refused', () => {
    for (const element of [null, 17, Buffer.from('bytes'), []]) {
      for (const more of [{ kafka: range }, { deadLetter: { id: 'i', source: 's', attempts: 1 } }]) {
        const { records } = writeRequestOf(
          { batch: true, payload: [{ payload: 1 }, element], ...more },
          'ledger',
        )
        assert.deepEqual(
          records.map((record) => refusedElement(record)?.code),
          [undefined, 'RECORD_INVALID'],
        )
        assert.equal(records[1]?.payload, element)
      }
    }
  })
})
