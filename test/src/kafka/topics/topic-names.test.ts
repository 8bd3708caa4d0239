import assert from 'node:assert/strict'
import { TopicNames } from '../../../../src/kafka/topics/topic-names'
import type { WireRecord } from '../../../../src/wire/message'

function named(pattern: string, topic: string, record: WireRecord = {}): WireRecord {
  TopicNames.compile(pattern).name(record, topic)
  return record
}

describe('the names in a Kafka topic', () => {
  it('are read between dots', () => {
    const levels = { tenant: 'acme', project: 'north' }
    assert.deepEqual(named('{tenant}.{project}', 'acme.north'), { ...levels, levels })
    assert.deepEqual(named('iot.{tenant}.+.#', 'iot.acme.x.y.z'), {
      tenant: 'acme',
      levels: { tenant: 'acme' },
    })
  })

  it('are not guessed where the topic does not match', () => {
    assert.deepEqual(named('{tenant}.{project}', 'acme'), {})
    assert.deepEqual(named('{tenant}.{project}', 'acme.north.b'), {})
    assert.deepEqual(named('{tenant}.{project}', 'acme..'), {})
  })

  it('do not change what a record says itself', () => {
    assert.deepEqual(named('{tenant}.{project}', 'acme.north', { tenant: 'other' }), { tenant: 'other' })
  })

  it('need a pattern that can be understood', () => {
    assert.throws(() => TopicNames.compile('{tenant'), { code: 'CONFIG_INVALID' })
  })
})
