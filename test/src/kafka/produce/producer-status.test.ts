import assert from 'node:assert/strict'
import { ProducerStatus } from '../../../../src/kafka/produce/producer-status'
import { PipelineError } from '../../../../src/wire/errors'
import { shownInEnglish, verbatim } from '../../../support/statuses'

const well = { problem: undefined, heldRecords: 87, storedRecords: 1240, connected: true }
const unreachable = new PipelineError('KAFKA_UNREACHABLE', 'long text', {
  retryable: true,
  status: verbatim('Kafka: not reachable'),
})

describe('the status of a producer', () => {
  it('says how much goes through', () => {
    const status = new ProducerStatus(0)
    assert.deepEqual(shownInEnglish(status.of(well, 1000)), {
      fill: 'green',
      shape: 'dot',
      text: '1,240/s · 87 in flight',
    })
    assert.equal(shownInEnglish(status.of(well, 2000)).text, '0/s · 87 in flight')
  })

  it('says what is wrong and how many wait', () => {
    const status = new ProducerStatus(0)
    const shown = shownInEnglish(status.of({ ...well, problem: unreachable, heldRecords: 1000 }, 1000))
    assert.deepEqual(shown, { fill: 'red', shape: 'ring', text: 'Kafka: not reachable, 1,000 waiting' })
  })

  it('says that it connects, and how many records were rejected', () => {
    const status = new ProducerStatus(0)
    assert.equal(status.of({ ...well, connected: false }, 1000).text, 'connecting')
    status.noteRejected()
    assert.equal(
      shownInEnglish(status.of(well, 2000)).text,
      '1,240/s · 87 in flight · 1 rejected'.replace('1,240', '0'),
    )
  })
})
