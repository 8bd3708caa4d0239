import assert from 'node:assert/strict'
import fc from 'fast-check'
import { decodeHeaders, fieldsOfBytes, type HeaderBytes } from '../../../src/record/record-headers'
import { readTextAt } from '../../../src/record/header-text'
import { readDigitsAt, readRepeatedTextAt } from '../../../src/record/repeated-text'

/** Texts that many records share, and bytes of every kind. */
const value = fc.oneof(
  fc
    .constantFrom('', 'tenant1', 'tenant2', 'tenant12', 'mtic/msg/a/b', 'grüße', '\ufffd', '\0')
    .map((text) => Buffer.from(text)),
  fc.string({ maxLength: 120 }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.from(bytes)),
)

describe('a text that comes again', () => {
  it('is what its bytes say, however often it came before, and wherever it is', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(value, fc.nat(3)), { maxLength: 40 }), (values) => {
        for (const [bytes, before] of [...values, ...values]) {
          const around = Buffer.concat([Buffer.alloc(before, 'x'), bytes, Buffer.from('y')])
          const end = before + bytes.length
          assert.deepEqual(readRepeatedTextAt(around, before, end), readTextAt(around, before, end))
        }
      }),
    )
  })

  it('is not taken for another one of the same hash', () => {
    // 31 · 1 + 32 = 31 · 2 + 1
    const [one, other] = [Buffer.from([1, 32]), Buffer.from([2, 1])]
    for (const bytes of [one, other, one]) assert.equal(readRepeatedTextAt(bytes, 0, 2), bytes.toString())
  })
})

describe('digits', () => {
  it('are the number that JavaScript reads, or left to it', () => {
    const text = fc.oneof(
      fc.nat().map(String),
      fc.bigInt({ min: 0n, max: 10n ** 18n }).map(String),
      fc.constantFrom('', '-1', ' 1', '1e3', '0x1f', '007', '1.5', '999999999999999', '1000000000000000'),
    )
    fc.assert(
      fc.property(text, (digits) => {
        const read = readDigitsAt(Buffer.from(`1${digits}2`), 1, 1 + digits.length)
        if (/^\d{1,15}$/.test(digits)) assert.equal(read, Number(digits))
        else assert.equal(read, undefined)
      }),
    )
  })
})

describe('the fields of a record', () => {
  it('are the same from bytes as from a dictionary of headers', () => {
    const names = ['tenant', 'project', 'device', 'mqtt-topic', 'message-id', 'received-at', 'mqtt-retained']
    const name = fc.constantFrom(...names, 'content-type', 'format', 'level-line', 'user-unit', 'other')
    const digits = fc.oneof(
      fc.nat().map((n) => Buffer.from(String(n))),
      value,
    )
    fc.assert(
      fc.property(fc.dictionary(name, fc.oneof(value, digits)), (headers) => {
        const bytes: HeaderBytes = {
          eachHeader: (taker) => {
            for (const [name, one] of Object.entries(headers)) taker.header(name, one, 0, one.length)
          },
        }
        const { whole } = fieldsOfBytes(bytes)
        const expected = decodeHeaders(headers)
        assert.deepEqual(whole, expected)
        assert.deepEqual(Object.keys(whole), Object.keys(expected))
      }),
    )
  })
})
