import assert from 'node:assert/strict'
import { ProducerEvents } from '../../../../src/kafka/produce/producer-events'
import { PipelineError } from '../../../../src/wire/errors'
import { keptLog } from '../../../support/events'

describe('events of the Kafka producer', () => {
  const problem = (code: string): PipelineError => new PipelineError(code, 'a sentence', { retryable: true })

  it('tell a missing topic from an absent cluster', () => {
    const { log, entries } = keptLog()
    const events = new ProducerEvents(log)
    for (const code of ['KAFKA_UNREACHABLE', 'KAFKA_UNKNOWN_TOPIC'])
      events.observe({ problem: problem(code), connected: true, heldRecords: 1 })
    events.observe({ problem: undefined, connected: true, heldRecords: 0 })
    events.close()
    const codes = entries.map(({ code }) => code)
    assert.deepEqual(codes, ['KAFKA_AWAY', 'KAFKA_TOPIC_MISSING', 'KAFKA_BACK'])
  })

  it('say in one line how many records a deploy has given back to their source', () => {
    const { log, entries } = keptLog()
    const events = new ProducerEvents(log)
    for (let record = 0; record < 1000; record++) events.noteHandedBack(1)
    events.close()
    const lines = entries.map(({ level, code, counts }) => [level, code, counts?.['records']])
    assert.deepEqual(lines, [['info', 'KAFKA_HANDED_BACK', 1000]])
  })
})
