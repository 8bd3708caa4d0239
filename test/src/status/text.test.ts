import assert from 'node:assert/strict'
import { translator } from '../../../src/runtime/language'
import { phrase } from '../../../src/status/phrase'
import { english, textOf } from '../../../src/status/text'

describe('the text of a status', () => {
  const reason = phrase('kafka', { problem: phrase('kafkaNoTopic', { topic: 'a__b__' }) })
  const said = [phrase('perSecond', { number: 1240 }), phrase('heldBecause', { number: 3, reason })]

  it('has its values, of which some are phrases, put in', () => {
    assert.equal(english('connecting'), 'connecting')
    assert.equal(english(said), '1,240/s · 3 failed and held: Kafka: no topic a__b__')
  })

  it("is what Node-RED's catalogue says, and English where it has no such text", () => {
    const asked: unknown[] = []
    const _ = (key: string, values: object): string => {
      asked.push([key, values])
      return key === 'status.perSecond' ? 'schnell' : key
    }
    assert.equal(textOf(said, translator({ _ })), 'schnell · 3 failed and held: Kafka: no topic a__b__')
    assert.deepEqual(asked[0], ['status.perSecond', { number: '1,240' }])
  })
})
