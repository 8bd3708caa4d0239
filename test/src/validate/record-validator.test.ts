import assert from 'node:assert/strict'
import { compileRules } from '../../../src/validate/compile-rules'
import { InvalidRecord } from '../../../src/validate/reasons'
import { RecordValidator, type ValidatorOptions } from '../../../src/validate/record-validator'
import type { WireRecord } from '../../../src/wire/message'
import { POISON } from '../../poison/inputs'

const validatorOf = (rules: readonly object[], more: Partial<ValidatorOptions> = {}): RecordValidator =>
  new RecordValidator({
    rules: compileRules(JSON.stringify(rules), '.'),
    unknownFields: 'reject',
    noRule: 'reject',
    ...more,
  })
const needs = (field: string): string => JSON.stringify({ type: 'object', required: [field] })
const verdictOf = (validator: RecordValidator, record: WireRecord): string => {
  const verdict = validator.judge(record)
  return typeof verdict === 'string' ? verdict : verdict.code
}
const reasonsOf = (validator: RecordValidator, record: WireRecord): InvalidRecord['reasons'] => {
  const verdict = validator.judge(record)
  assert.ok(verdict instanceof InvalidRecord)
  return verdict.reasons
}

describe('the rules of a validation', () => {
  it('are chosen by tenant, project, device, topic and property; the first that matches decides', () => {
    const validator = validatorOf([
      { when: 'tenant', is: 'acme|north', schema: needs('a') },
      { when: 'project', is: 'p[0-9]', schema: needs('b') },
      { when: 'device', is: 'gw-.*', schema: needs('c') },
      { when: 'topic', is: 'plant/+/temperature/#', schema: needs('d') },
      { when: 'property', property: 'levels.type', is: 'meter', schema: needs('e') },
      { when: 'property', property: 'payload.version', is: '2', schema: needs('f') },
    ])
    const fits = (field: string, record: WireRecord, more = ''): void => {
      assert.equal(verdictOf(validator, { ...record, payload: `{"${field}":1${more}}` }), 'valid', field)
      assert.equal(verdictOf(validator, { ...record, payload: `{"x":1${more}}` }), 'SCHEMA_MISMATCH', field)
    }
    fits('a', { tenant: 'north', project: 'p1' })
    fits('b', { tenant: 'northern', project: 'p1' })
    fits('c', { device: 'gw-7' })
    fits('d', { topic: 'plant/7/temperature/inside' })
    fits('e', { levels: { type: 'meter' } })
    fits('f', {}, ',"version":2')
    assert.equal(verdictOf(validator, { payload: '{}' }), 'NO_RULE')
    const passing = validatorOf([{ when: 'tenant', is: 'acme', schema: needs('a') }], { noRule: 'pass' })
    assert.equal(verdictOf(passing, { payload: Buffer.from([0xff]) }), 'unchecked')
  })

  it('have further formats, whose reasons are told apart', () => {
    const validator = validatorOf([
      { name: 'new', when: 'tenant', is: 'acme', schema: needs('a') },
      { name: 'old', when: 'or', schema: needs('b') },
      { when: 'any', schema: '{}' },
    ])
    const tenant = 'acme'
    assert.equal(verdictOf(validator, { tenant, payload: '{"a":1}' }), 'valid')
    assert.equal(verdictOf(validator, { tenant, payload: '{"b":1}' }), 'valid')
    assert.equal(verdictOf(validator, { tenant, payload: '{"c":1}' }), 'SCHEMA_MISMATCH')
    assert.deepEqual(
      reasonsOf(validator, { tenant, payload: '{}' }).map(({ format, rule }) => [format, rule]),
      [
        ['rule 1 (new)', 'required'],
        ['rule 2 (old)', 'required'],
      ],
    )
  })
})

describe('a record', () => {
  const any = validatorOf([{ when: 'any', schema: '{}' }])

  it('keeps the payload that it came with, whatever its type', () => {
    for (const payload of [
      Buffer.from('{"a":1}'),
      new TextEncoder().encode('[1]'),
      '"x"',
      { a: 1 },
      null,
      3,
    ]) {
      const record: WireRecord = { payload }
      assert.equal(verdictOf(any, record), 'valid')
      assert.equal(record.payload, payload)
    }
  })

  it('is refused when its payload is no JSON, or no text', () => {
    assert.equal(verdictOf(any, { payload: Buffer.from('') }), 'JSON_INVALID')
    assert.equal(verdictOf(any, { payload: Buffer.from('{"a":}') }), 'JSON_INVALID')
    assert.equal(verdictOf(any, { payload: Buffer.from([0x22, 0xff, 0x22]) }), 'UTF8_INVALID')
  })

  it('is judged, whatever a device or a node has put into it, and reaches no prototype', () => {
    const schema = JSON.stringify({
      type: 'object',
      required: ['constructor'],
      properties: { a: { type: 'array', uniqueItems: true, items: { $ref: '#' } } },
      additionalProperties: false,
    })
    for (const unknownFields of ['reject', 'remove'] as const) {
      const validator = validatorOf([{ when: 'any', schema }], { unknownFields })
      for (const { record } of POISON) verdictOf(validator, { ...record })
      const hostile = {
        get payload(): unknown {
          throw new RangeError('a getter')
        },
      }
      assert.equal(verdictOf(validator, hostile), 'RECORD_INVALID')
      assert.equal(verdictOf(validator, { payload: '{}' }), 'SCHEMA_MISMATCH')
      const named: WireRecord = { payload: '{"constructor":1,"__proto__":{"polluted":true}}' }
      const verdict = verdictOf(validator, named)
      assert.equal(verdict, 'SCHEMA_MISMATCH')
      assert.equal(({} as { polluted?: boolean }).polluted, undefined)
    }
  })

  it('loses only its unknown fields, at any depth, `__proto__` among them', () => {
    const schema = JSON.stringify({
      type: 'object',
      properties: {
        list: {
          type: 'array',
          items: { type: 'object', properties: { a: {} }, additionalProperties: false },
        },
      },
      additionalProperties: false,
    })
    const validator = validatorOf([{ when: 'any', schema }], { unknownFields: 'remove' })
    const record: WireRecord = { payload: '{"list":[{"a":1,"b":2},{"a":"b"}],"__proto__":{"x":1},"~/":3}' }
    assert.equal(verdictOf(validator, record), 'valid')
    assert.equal(JSON.stringify(record.payload), '{"list":[{"a":1},{"a":"b"}]}')
  })

  it('is not stripped for one format when it fits another', () => {
    const only = (field: string): string =>
      JSON.stringify({ type: 'object', properties: { [field]: {} }, additionalProperties: false })
    const rules = [
      { when: 'any', schema: only('a') },
      { when: 'or', schema: only('b') },
    ]
    const record: WireRecord = { payload: '{"b":1}' }
    assert.equal(verdictOf(validatorOf(rules, { unknownFields: 'remove' }), record), 'valid')
    assert.equal(record.payload, '{"b":1}')
  })

  it('is judged in time, however large and wrong it is', () => {
    const schema = JSON.stringify({
      type: 'object',
      properties: {
        list: { type: 'array', uniqueItems: true, items: { type: 'object' } },
        name: { type: 'string', pattern: '^(a+)+$' },
        wrong: { type: 'array', items: { type: 'string' } },
      },
    })
    const validator = validatorOf([{ when: 'any', schema }])
    const list = Array.from({ length: 50_000 }, (_, n) => ({ n }))
    assert.equal(verdictOf(validator, { payload: JSON.stringify({ list }) }), 'valid')
    assert.equal(
      verdictOf(validator, { payload: JSON.stringify({ name: `${'a'.repeat(50_000)}b` }) }),
      'SCHEMA_MISMATCH',
    )
    const wrong = Array.from({ length: 200_000 }, () => 1)
    assert.equal(reasonsOf(validator, { payload: JSON.stringify({ wrong }) }).length, 1)
    assert.equal(reasonsOf(validator, { payload: { wrong } }).length, 1)
    assert.equal(reasonsOf(validator, { payload: { wrong: wrong.slice(0, 100) } }).length, 20)
  })

  it('has no value of its payload in the message of its error', () => {
    const schema = JSON.stringify({
      properties: { a: { enum: ['x'] } },
      additionalProperties: false,
    })
    const verdict = validatorOf([{ when: 'any', schema }]).judge({ payload: '{"a":"SECRET","SECRET":1}' })
    assert.ok(verdict instanceof InvalidRecord)
    assert.doesNotMatch(verdict.message, /SECRET/)
    assert.equal(verdict.reasons.length, 2)
  })
})
