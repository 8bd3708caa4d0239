import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { addHeaders, mayHaveHeader } from '../../../src/record/lazy-headers'
import { attemptsOf } from '../../../src/record/replayed'
import type { KafkaFields } from '../../../src/wire/message'

const { cloneMessage } = (
  createRequire(__filename)('@node-red/util') as { util: { cloneMessage: <T>(message: T) => T } }
).util

/** With a source that counts how often it is asked for its dictionary. */
function lazy(headers: Record<string, Buffer>): { kafka: KafkaFields; made: () => number } {
  let made = 0
  const source = {
    get headers() {
      made++
      return { ...headers }
    },
    hasHeader: (name: string) => name in headers,
  }
  return { kafka: addHeaders({ topic: 't', offset: 5 }, source), made: () => made }
}

describe('the headers of a record that was read', () => {
  const unit = Buffer.from('°C')
  const plain = { topic: 't', offset: 5, headers: { unit } }

  it('are made when something looks at them, once', () => {
    const { kafka, made } = lazy({ unit })
    assert.deepEqual([made(), Object.keys(kafka)], [0, ['topic', 'offset', 'headers']])
    assert.equal(kafka.headers, kafka.headers)
    assert.equal(made(), 1)
  })

  for (const [what, copy] of [
    ['a spread', (kafka: KafkaFields) => ({ ...kafka })],
    ['Object.assign', (kafka: KafkaFields) => Object.assign({}, kafka)],
    ["Node-RED's clone", (kafka: KafkaFields) => cloneMessage(kafka)],
    ['structuredClone', (kafka: KafkaFields) => structuredClone(kafka)],
    ['entries', (kafka: KafkaFields) => Object.fromEntries(Object.entries(kafka))],
    ['itself', (kafka: KafkaFields) => kafka],
  ] as const) {
    it(`are in ${what}`, () => {
      const copied: KafkaFields = copy(lazy({ unit }).kafka)
      assert.deepEqual({ ...copied, headers: { unit: Buffer.from(copied.headers?.unit as Buffer) } }, plain)
      assert.equal(JSON.stringify(copy(lazy({}).kafka)), '{"topic":"t","offset":5,"headers":{}}')
    })
  }

  it('may be changed, replaced and removed, like those of any object', () => {
    const { kafka } = lazy({ unit })
    const headers = kafka.headers as Record<string, unknown>
    headers.more = 'x'
    assert.deepEqual(kafka.headers, { unit, more: 'x' })
    const other = lazy({ unit })
    other.kafka.headers = { own: 'y' }
    assert.deepEqual([other.kafka.headers, other.made()], [{ own: 'y' }, 0])
    const third = lazy({ unit }).kafka
    delete third.headers
    assert.equal('headers' in third, false)
  })

  it('stay when a flow freezes the record, before or after they are made', () => {
    const { kafka, made } = lazy({ unit })
    Object.freeze(kafka)
    assert.deepEqual(kafka.headers, { unit })
    assert.equal(kafka.headers, kafka.headers)
    assert.equal(made(), 1)
    assert.equal(mayHaveHeader({ kafka }, 'unit'), true)
    assert.throws(() => (kafka.headers = {}), /frozen/)
    assert.deepEqual(kafka.headers, { unit })
  })

  it('are asked for one of them without being made, also after a change', () => {
    const { kafka, made } = lazy({ 'dead-letter-attempts': Buffer.from('3') })
    assert.equal(mayHaveHeader({ kafka }, 'unit'), false)
    assert.equal(made(), 0)
    assert.equal(attemptsOf({ kafka }), 3)
    const changed = lazy({ unit })
    assert.equal(attemptsOf({ kafka: changed.kafka }), 0)
    assert.equal(changed.made(), 0)
    ;(changed.kafka.headers as Record<string, unknown>)['dead-letter-attempts'] = '2'
    assert.equal(attemptsOf({ kafka: changed.kafka }), 2)
    changed.kafka.headers = { 'dead-letter-attempts': '4' }
    assert.equal(attemptsOf({ kafka: changed.kafka }), 4)
  })

  it('may be missing', () => {
    for (const kafka of [undefined, null, 'x', {}, { headers: null }])
      assert.equal(attemptsOf({ kafka } as never), 0)
  })
})
