import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import type { Node } from 'node-red'
import tenantValidate from '../../nodes/tenant-validate/tenant-validate'
import { watchedNodes } from '../../src/watch/watched-nodes'
import type { Message } from '../../src/wire/message'
import { deliveryNodes, type TestSink, type TestSource } from '../support/delivery-nodes'
import { helper, loadFlow, loggedCodes, startRuntime, stopRuntime, type FlowEntry } from '../support/runtime'

const SCHEMA = JSON.stringify({
  type: 'object',
  required: ['t'],
  properties: { t: { type: 'number', maximum: 100 } },
  additionalProperties: false,
})
const rulesWith = (schema: string): string => JSON.stringify([{ when: 'any', schema }])
const tab = { id: 'tab', type: 'tab', label: 'test' }
const source = { id: 'source', type: 'test-source', z: 'tab', wires: [['validate']] }
const valid = { id: 'valid', type: 'test-sink', z: 'tab', wires: [] }
const invalid = { ...valid, id: 'invalid' }
const validate = (more: object = {}, wires: string[][] = [['valid'], ['invalid']]): FlowEntry => ({
  id: 'validate',
  type: 'tenant-validate',
  z: 'tab',
  rules: rulesWith(SCHEMA),
  wires,
  ...more,
})
const record = (payload: string, tenant = 'acme') => ({ tenant, payload: Buffer.from(payload) })
const textOf = ({ payload }: Message): string => String(payload)

async function run(
  node: FlowEntry,
  ...others: FlowEntry[]
): Promise<{ from: TestSource; sinkOf: (id: string) => Message[] }> {
  await loadFlow([deliveryNodes, tenantValidate], [tab, source, node, valid, invalid, ...others])
  return {
    from: helper.getNode('source') as TestSource,
    sinkOf: (id) => (helper.getNode(id) as TestSink).received,
  }
}

const counted = (): object => {
  const samples = watchedNodes.all.find(({ id }) => id === 'validate')?.samples?.()
  const results = samples?.tenant_pipeline_validated_records_total as ReadonlyMap<string, number>
  return Object.fromEntries(results)
}

describe('tenant-validate', () => {
  before(startRuntime)
  after(stopRuntime)
  afterEach(() => helper.unload())

  it('sends on what fits, as the bytes that came', async () => {
    const { from, sinkOf } = await run(validate())
    const message = record('{ "t" : 1.50 }')
    assert.equal((await from.emitMessage(message)).outcome, 'delivered')
    assert.equal(textOf(sinkOf('valid')[0] as Message), '{ "t" : 1.50 }')
    assert.equal(sinkOf('invalid').length, 0)
  })

  it('sends what does not fit to the second output, as it came, with all reasons', async () => {
    const { from, sinkOf } = await run(validate())
    assert.equal((await from.emitMessage(record('{"t":200,"extra":"x"}'))).outcome, 'delivered')
    const [rejected] = sinkOf('invalid')
    assert.equal(textOf(rejected as Message), '{"t":200,"extra":"x"}')
    const error = JSON.parse(JSON.stringify(rejected?.error)) as { message: string; reasons: unknown[] }
    assert.deepEqual(error.reasons, [
      {
        path: '',
        rule: 'additionalProperties',
        message: 'must NOT have additional properties: "extra"',
        value: '"x"',
      },
      { path: '/t', rule: 'maximum', message: 'must be <= 100', value: '200' },
    ])
    assert.equal(
      error.message,
      'the payload does not fit the schema of rule 1: the payload must NOT have additional properties; /t must be <= 100',
    )
    assert.deepEqual(loggedCodes('validate'), ['INVALID'])
  })

  it('takes what does not fit out of a batch; the rest stays one message of the same delivery', async () => {
    const { from, sinkOf } = await run(validate())
    const payload = ['{"t":1}', 'no JSON', '{"t":2}', '{"t":"x"}'].map((text) => record(text))
    assert.equal((await from.emitMessage({ batch: true, payload })).outcome, 'delivered')
    assert.deepEqual(
      sinkOf('valid').map((message) => (message.payload as Message[]).map(textOf)),
      [['{"t":1}', '{"t":2}']],
    )
    assert.deepEqual(
      sinkOf('invalid').map((message) => [textOf(message), (message.error as { code: string }).code]),
      [
        ['no JSON', 'JSON_INVALID'],
        ['{"t":"x"}', 'SCHEMA_MISMATCH'],
      ],
    )
    assert.deepEqual(counted(), { valid: 2, invalid: 2, unchecked: 0 })
  })

  it('fails for good what does not fit when the second output leads nowhere; the others continue', async () => {
    const { from, sinkOf } = await run(validate({}, [['valid'], []]))
    const alone = await from.emitMessage(record('{}'))
    assert.deepEqual([alone.outcome, alone.error?.retryable], ['failed', false])
    const payload = [record('{"t":1}'), record('{}')]
    const batch = await from.emitMessage({ batch: true, payload })
    assert.deepEqual([batch.outcome, batch.stored], ['failed', new Set([0])])
    assert.deepEqual(
      sinkOf('valid').map((message) => (message.payload as Message[]).map(textOf)),
      [['{"t":1}']],
    )
  })

  it('gives a Catch node only the records of a batch that do not fit, with their reasons', async () => {
    const catchNode = { id: 'c', type: 'catch', z: 'tab', scope: null, uncaught: false, wires: [['invalid']] }
    const { from, sinkOf } = await run(validate({}, [['valid'], []]), catchNode)
    const payload = [record('{"t":1}'), record('{}')]
    assert.equal((await from.emitMessage({ batch: true, payload })).outcome, 'delivered')
    const [caught] = sinkOf('invalid').map((message) => message.payload as Message[])
    assert.deepEqual(caught?.map(textOf), ['{}'])
    const { reasons } = caught?.[0]?.error as { reasons: { rule: string }[] }
    assert.deepEqual(
      reasons.map(({ rule }) => rule),
      ['required'],
    )
  })

  it('removes unknown fields when that was chosen', async () => {
    const { from, sinkOf } = await run(validate({ unknownFields: 'remove' }))
    const payload = [
      record('{"t":1,"x":{"y":2}}'),
      record('{"t":1}'),
      record('{"t":1,"x":2,"t2":12345678901234567890}'),
    ]
    assert.equal((await from.emitMessage({ batch: true, payload })).outcome, 'delivered')
    const [batch] = sinkOf('valid')
    assert.deepEqual(
      (batch?.payload as Message[]).map(({ payload }) => payload),
      [{ t: 1 }, Buffer.from('{"t":1}')],
    )
    const codes = sinkOf('invalid').map(({ error }) => (error as { code: string }).code)
    assert.deepEqual(codes, ['NUMBER_INEXACT'])
  })

  it('reads a schema from a file', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tenant-validate-'))
    try {
      const file = path.join(folder, 'reading.json')
      writeFileSync(file, SCHEMA)
      const { from, sinkOf } = await run(validate({ rules: JSON.stringify([{ when: 'any', file }]) }))
      await from.emitMessage(record('{"t":1}'))
      await from.emitMessage(record('{}'))
      assert.deepEqual([sinkOf('valid').length, sinkOf('invalid').length], [1, 1])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('says at deploy which rule is wrong, and lets messages be tried again', async () => {
    const { from } = await run(validate({ rules: rulesWith('{"properties":{"a":{"typ":"string"}}}') }))
    const { outcome, error } = await from.emitMessage(record('{}'))
    assert.deepEqual([outcome, error?.retryable], ['failed', true])
    assert.match(error?.message ?? '', /^rule 1: schema: \/properties\/a\/typ: there is no keyword "typ"/)
    assert.equal((helper.getNode('validate') as Node).type, 'tenant-validate')
  })

  it('loses none of any batch: what came is accepted or refused, and each delivery ends', async () => {
    const { from, sinkOf } = await run(validate())
    const element = fc.oneof(
      fc.constantFrom('{"t":1}', '{"t":101}', '{}', '{', '{"t":1,"__proto__":2}').map((text) => record(text)),
      fc.constantFrom<unknown>(null, 7, 'text', Buffer.from('x'), [1]),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(element, { maxLength: 20 }), async (elements) => {
        const from0 = [sinkOf('valid').length, sinkOf('invalid').length] as const
        const payload = [...elements]
        const { outcome } = await from.emitMessage({ batch: true, payload })
        assert.ok(outcome === 'delivered' || (elements.length === 0 && outcome === 'filtered'), outcome)
        const accepted = sinkOf('valid')
          .slice(from0[0])
          .flatMap((message) => message.payload as unknown[])
        const refused = sinkOf('invalid').slice(from0[1])
        assert.equal(accepted.length + refused.length, elements.length)
      }),
      { numRuns: 100 },
    )
  })
})
