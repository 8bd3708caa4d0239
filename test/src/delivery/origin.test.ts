import assert from 'node:assert/strict'
import { Delivery } from '../../../src/delivery/delivery'
import { link } from '../../../src/delivery/message-link'
import { originOf, withOrigin } from '../../../src/delivery/origin'
import type { Message, WireRecord } from '../../../src/wire/message'

const deadLetter = { id: 'letter', source: 'node', attempts: 2 }
const record = (offset: number, attempts?: number): WireRecord => ({
  payload: `p${offset}`,
  kafka: { offset, headers: attempts === undefined ? {} : { 'dead-letter-attempts': String(attempts) } },
})
const batch = (...payload: unknown[]): Message => ({ batch: true, payload })

const attemptsOf = ({ payload }: Message): unknown[] =>
  (payload as WireRecord[]).map(({ kafka }) => kafka?.headers?.['dead-letter-attempts'])

describe('the origin of a message', () => {
  it('is remembered by its delivery, whatever the flow does with the message later', () => {
    const delivery = new Delivery('m', 'source', 1000, 0, () => undefined)
    const message: Message = { payload: 'x', deadLetter }
    link(message, delivery)
    delete message.deadLetter
    assert.deepEqual(delivery.origin?.deadLetter, deadLetter)
  })

  it('is nothing for what has never been a dead letter, whose messages stay as they are', () => {
    for (const message of [{ payload: 'x' }, batch(record(1), record(2)), batch(17, null), batch()]) {
      assert.equal(originOf(message), undefined)
      assert.equal(withOrigin(message, undefined), message)
    }
  })

  it('gives a message that has lost everything the number of attempts, and the letter that it is', () => {
    assert.deepEqual(withOrigin({ _msgid: 'm', payload: 'y' }, originOf({ payload: 'x', deadLetter })), {
      _msgid: 'm',
      payload: 'y',
      kafka: { headers: { 'dead-letter-attempts': '2' } },
      deadLetter,
    })
  })

  it('leaves alone what is still there, and what says that it has failed more often', () => {
    const origin = originOf(record(1, 2) as Message)
    for (const message of [record(1, 2), record(9, 5)] as Message[]) {
      assert.equal(withOrigin(message, origin), message)
    }
  })

  it('keeps what else the flow says of Kafka', () => {
    const message = { payload: 'y', kafka: { topic: 't', headers: { unit: 'C' } } }
    assert.deepEqual(withOrigin(message, originOf(record(1, 2) as Message)).kafka, {
      topic: 't',
      headers: { unit: 'C', 'dead-letter-attempts': '2' },
    })
    assert.deepEqual(message.kafka.headers, { unit: 'C' })
  })

  it('gives each record of a batch its own number while its offset is there, and otherwise the largest', () => {
    const origin = originOf(batch(record(1), record(2, 1), record(3, 2)))
    const bare = (offset: number): WireRecord => ({ kafka: { offset } })
    const back = withOrigin(batch(bare(1), bare(2), bare(3), { payload: 'which?' }, bare(9)), origin)
    assert.deepEqual(attemptsOf(back), [undefined, '1', '2', '2', '2'])
  })

  it('gives the largest number to a record that was taken out of its batch', () => {
    const { kafka } = withOrigin({ payload: 'x' }, originOf(batch(record(1, 1), record(2, 2))))
    assert.deepEqual(kafka, { headers: { 'dead-letter-attempts': '2' } })
  })

  it('leaves elements that are no records to the sink', () => {
    const elements = [17, null, Buffer.from('x'), ['y']]
    const { payload } = withOrigin(batch(...elements), originOf(batch(record(1, 1))))
    assert.deepEqual(payload, elements)
  })
})
