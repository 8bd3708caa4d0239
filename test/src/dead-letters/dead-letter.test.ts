import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import type { Message } from '../../../src/wire/message'
import { originOf } from '../../../src/delivery/origin'
import { cutPayload, deadLettersOf, isCut, type DeadLetter } from '../../../src/dead-letters/dead-letter'

const clock = { now: () => 1_700_000_000_000, newId: () => '00000000-0000-4000-8000-000000000000' }

function letterOf(message: Message): DeadLetter {
  const letters = deadLettersOf(message, clock)
  assert.equal(letters.length, 1)
  return letters[0] as DeadLetter
}

const REJECTED: Message = {
  topic: 'rt/acme/north/d1',
  payload: Buffer.from([0, 0xff]),
  tenant: 'acme',
  project: 'north',
  device: 'd1',
  messageId: 'm-17',
  receivedAt: 1_699_999_999_000,
  userProperties: { site: 'x', tags: ['a', 'b'] },
  kafka: {
    clusterId: 'c1',
    topic: 'iot-messages',
    partition: 3,
    offset: 42,
    timestamp: 1_699_999_999_500,
    key: 'acme/north/d1',
    headers: { tenant: 'acme', blob: Buffer.from('bytes') },
  },
  error: {
    message: 'invalid input syntax for type json',
    code: 'PG_22P02',
    source: { id: 'n1', type: 'tenant-postgres-sink', name: 'rows' },
  },
}

describe('dead letter', () => {
  it('keeps the record, where it was, and why it failed', () => {
    const { id, payloadSha256, ...letter } = letterOf(REJECTED)
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.equal(
      payloadSha256,
      createHash('sha256')
        .update(Buffer.from([0, 0xff]))
        .digest('hex'),
    )
    assert.deepEqual(letter, {
      failedAt: 1_700_000_000_000,
      reason: 'invalid input syntax for type json',
      code: 'PG_22P02',
      nodeId: 'n1',
      nodeType: 'tenant-postgres-sink',
      nodeName: 'rows',
      attempts: 1,
      tenant: 'acme',
      project: 'north',
      device: 'd1',
      mqttTopic: 'rt/acme/north/d1',
      messageId: 'm-17',
      receivedAt: 1_699_999_999_000,
      kafkaCluster: 'c1',
      kafkaTopic: 'iot-messages',
      kafkaPartition: 3,
      kafkaOffset: 42,
      kafkaKey: Buffer.from('acme/north/d1'),
      headers: { 'user-site': 'x', 'user-tags': ['a', 'b'], tenant: 'acme', blob: 'bytes' },
      payload: Buffer.from([0, 0xff]),
      payloadEncoding: 'raw',
      payloadLength: 2,
    })
  })

  it('has the same id when the same record fails again, and another one for another record', () => {
    const { id } = letterOf(REJECTED)
    const kafka = REJECTED.kafka as object
    assert.equal(letterOf({ ...REJECTED }).id, id)
    assert.notEqual(letterOf({ ...REJECTED, kafka: { ...kafka, offset: 43 } }).id, id)
    assert.notEqual(letterOf({ ...REJECTED, kafka: { ...kafka, timestamp: 5 } }).id, id)
    assert.notEqual(letterOf({ ...REJECTED, error: { message: 'x', source: { id: 'n2' } } }).id, id)
  })

  it('takes the message id when the record has not been in Kafka, and a new id when there is none', () => {
    const before = { topic: 'a', payload: 'x', messageId: 'm-1', kafka: { topic: 'iot-messages' } }
    assert.equal(letterOf(before).id, letterOf({ ...before }).id)
    assert.notEqual(letterOf(before).id, letterOf({ ...before, messageId: 'm-2' }).id)
    assert.equal(letterOf({ payload: 'x' }).id, clock.newId())
  })

  it('counts how often the record has become one, and has an id for each time', () => {
    const again = (deadLetterAttempts: unknown): Message => ({
      ...REJECTED,
      kafka: { ...(REJECTED.kafka as object), headers: { 'dead-letter-attempts': deadLetterAttempts } },
    })
    const letters = [REJECTED, again('1'), again(Buffer.from('2')), again(['3'])].map(letterOf)
    assert.deepEqual(
      letters.map(({ attempts }) => attempts),
      [1, 2, 3, 4],
    )
    assert.equal(new Set(letters.map(({ id }) => id)).size, 4)
    assert.equal(letterOf(again('2')).id, letters[2]?.id)
    for (const rubbish of ['many', '-1', '', '1e9', '99999999', 7, null, {}]) {
      assert.equal(letterOf(again(rubbish)).attempts, 1, JSON.stringify(rubbish))
    }
  })

  it('counts also when the flow has lost the headers on the way', () => {
    const deadLetter = { id: 'x', source: 'n', attempts: 2 }
    assert.equal(letterOf({ payload: 'x', deadLetter }).attempts, 3)
    for (const rubbish of [7, null, {}, { ...deadLetter, attempts: 'x' }, { ...deadLetter, id: 5 }]) {
      assert.equal(letterOf({ payload: 'x', deadLetter: rubbish }).attempts, 1)
    }
    assert.equal(letterOf({ payload: 'x', deadLetter: { ...deadLetter, attempts: -5 } }).attempts, 1)
  })

  it('counts on from what its delivery knows when the record, or that it was a record, is lost', () => {
    const failed = (attempts: string, offset: number): object => ({
      kafka: { offset, headers: { 'dead-letter-attempts': attempts } },
    })
    const origin = originOf({ batch: true, payload: [failed('1', 5), failed('3', 6)] })
    const payload = [failed('1', 5), { kafka: { offset: 5 } }, { payload: 'x' }, 17, null]
    assert.deepEqual(
      deadLettersOf({ batch: true, payload }, clock, origin).map(({ attempts }) => attempts),
      [2, 2, 4, 4, 4],
    )
  })

  it('is recognized by nothing that a device says: a payload like a dead letter is a payload, user properties have a prefix', () => {
    const posing = { 'dead-letter-attempts': '99', 'dead-letter-id': 'x' }
    const letter = letterOf({ payload: JSON.stringify(posing), userProperties: posing, levels: posing })
    assert.equal(letter.attempts, 1)
    assert.deepEqual(letter.headers, {
      'level-dead-letter-attempts': '99',
      'level-dead-letter-id': 'x',
      'user-dead-letter-attempts': '99',
      'user-dead-letter-id': 'x',
    })
  })

  it('leaves out what an earlier dead letter of the record said, and the format that its payload is no longer in', () => {
    const headers = { 'dead-letter-reason': 'old', 'dead-letter-id': 'x', format: 'json', unit: 'C' }
    assert.deepEqual(letterOf({ payload: 'x', kafka: { headers } }).headers, { unit: 'C' })
  })

  it('keeps what the MQTT message was besides its payload', () => {
    const { headers } = letterOf({ payload: 'x', retain: true, contentType: 'text/plain' })
    assert.deepEqual(headers, { 'mqtt-retained': 'true', 'content-type': 'text/plain' })
  })

  it('makes one of each record of a batch, with the error of the record or else of the batch', () => {
    const letters = deadLettersOf(
      {
        batch: true,
        kafka: { clusterId: 'c1', group: 'g', topic: 't', partition: 2, firstOffset: 5, nextOffset: 7 },
        payload: [
          { payload: 'a', kafka: { offset: 5 }, error: { message: 'own' } },
          { payload: 'b', kafka: { offset: 6 } },
        ],
        error: { message: 'of the batch', source: { id: 'n', type: 'function' } },
      },
      clock,
    )
    assert.deepEqual(
      letters.map((letter) => [letter.reason, letter.kafkaTopic, letter.kafkaPartition, letter.kafkaOffset]),
      [
        ['own', 't', 2, 5],
        ['of the batch', 't', 2, 6],
      ],
    )
  })

  it('keeps elements of a batch that are no records', () => {
    const letters = deadLettersOf(
      { batch: true, payload: [17, null, 'text', Buffer.from('bytes'), [1]] },
      clock,
    )
    assert.deepEqual(
      letters.map(({ payload }) => payload?.toString()),
      ['17', undefined, 'text', 'bytes', '[1]'],
    )
  })

  it('says so when no reason was given', () => {
    assert.equal(letterOf({ payload: 'x' }).reason, 'no reason was given')
    assert.equal(letterOf({ payload: 'x', error: 'words' }).reason, 'words')
  })

  it('identifies a payload that was cut by its length and hash', () => {
    const letter = letterOf({ payload: Buffer.alloc(100, 1) })
    const cut = cutPayload(letter, 10)
    assert.equal(isCut(letter), false)
    assert.equal(isCut(cut), true)
    assert.equal(cut.payload?.length, 10)
    assert.equal(cut.payloadLength, 100)
    assert.equal(cut.payloadSha256, letter.payloadSha256)
    assert.equal(cutPayload(letter, 100), letter)
  })

  it('never throws', () => {
    const any = fc.anything({ withBigInt: true, withNullPrototype: true })
    const message = fc.record(
      {
        batch: fc.boolean(),
        payload: fc.oneof(any, fc.array(any)),
        topic: any,
        error: any,
        kafka: any,
        userProperties: any,
        tenant: any,
        receivedAt: any,
        attempts: any,
      },
      { requiredKeys: [] },
    )
    fc.assert(fc.property(message, (odd) => void deadLettersOf(odd as Message, clock)))
  })
})
