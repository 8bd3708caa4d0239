import assert from 'node:assert/strict'
import type { FlowConfig } from '../../../../src/delivery/flow/flow-walk'
import { nodesThatSeeBatches, type Batches } from '../../../../src/delivery/flow/per-message-nodes'

type Settings = Readonly<Record<string, unknown>>

const FROM_MQTT: Batches = { kafka: [] }
const FROM_KAFKA: Batches = { kafka: ['topic', 'partition'] }

const node = (id: string, type: string, settings: Settings = {}, ...wires: string[][]): FlowConfig => ({
  id,
  type,
  wires,
  ...settings,
})
const found = (flow: readonly FlowConfig[], batches = FROM_MQTT, source = 'source'): string[] =>
  nodesThatSeeBatches(source, flow, batches).map(({ config }) => config.id)
/** The property by which a node directly after the source works with one message. */
const propertyOf = (type: string, settings: Settings, batches = FROM_MQTT): string | undefined =>
  nodesThatSeeBatches('source', [node('source', 's', {}, ['n']), node('n', type, settings)], batches)[0]
    ?.property

const comparing = (property: string, more: Settings = {}): Settings => ({
  property,
  propertyType: 'msg',
  rules: [{ t: 'gte', v: '28', vt: 'num' }, { t: 'else' }],
  ...more,
})
const setting = (p: string, to: string, more: Settings = {}): Settings => ({
  rules: [{ t: 'set', p, pt: 'msg', to, tot: 'str', ...more }],
})

describe('nodes after a source that sends batches', () => {
  const WITH_ONE_MESSAGE: readonly (readonly [what: string, type: string, Settings, property: string])[] = [
    ['Switch by the payload', 'switch', comparing('payload'), 'payload'],
    ['Switch by a value in it', 'switch', comparing('payload.temperature'), 'payload.temperature'],
    ['Switch by the MQTT topic', 'switch', comparing('topic'), 'topic'],
    ['Switch by the tenant', 'switch', comparing('tenant'), 'tenant'],
    ['Switch by the key', 'switch', comparing('kafka.key'), 'kafka.key'],
    ['Switch of an old flow', 'switch', comparing('payload', { propertyType: undefined }), 'payload'],
    ['Filter with its defaults', 'rbe', {}, 'payload'],
    ['Filter by topic', 'rbe', { property: 'site', septopics: true, topi: 'topic' }, 'topic'],
    ['Change that sets the payload', 'change', setting('payload', 'on'), 'payload'],
    ['Change that reads it', 'change', setting('site', 'payload["site"]', { tot: 'msg' }), 'payload.site'],
    [
      'Change that moves it',
      'change',
      { rules: [{ t: 'move', p: 'payload.t', pt: 'msg', to: 't', tot: 'msg' }] },
      'payload.t',
    ],
    ['Change that deletes a field', 'change', { rules: [{ t: 'delete', p: 'qos', pt: 'msg' }] }, 'qos'],
    ['Template with its defaults', 'template', { field: 'payload', fieldType: 'msg' }, 'payload'],
    ['Range', 'range', { action: 'scale' }, 'payload'],
    ['JSON', 'json', { action: '', property: 'payload' }, 'payload'],
    ['YAML', 'yaml', {}, 'payload'],
    ['XML', 'xml', {}, 'payload'],
    ['HTML', 'html', {}, 'payload'],
    ['CSV', 'csv', {}, 'payload'],
    ['Delay that keeps the newest of each topic', 'delay', { pauseType: 'queue' }, 'topic'],
    ['Trigger by topic', 'trigger', { op2type: 'nul', bytopic: 'topic' }, 'topic'],
  ]
  for (const [what, type, settings, property] of WITH_ONE_MESSAGE) {
    it(`work with one message: ${what}`, () => assert.equal(propertyOf(type, settings), property))
  }

  const FINE: readonly (readonly [what: string, type: string, Settings])[] = [
    ['Switch by a flow variable', 'switch', comparing('payload', { propertyType: 'flow' })],
    ['Switch by an environment variable', 'switch', comparing('SITE', { propertyType: 'env' })],
    ['Switch by an expression', 'switch', comparing('payload.temperature', { propertyType: 'jsonata' })],
    ['Switch by a property that a Change has set', 'switch', comparing('site')],
    ['Switch by the error of a failed batch', 'switch', comparing('error.code')],
    ['Switch by the length of the batch', 'switch', comparing('payload.length')],
    ['Switch by its first message', 'switch', comparing('payload[0].tenant')],
    ['Switch that asks for a list', 'switch', comparing('payload', { rules: [{ t: 'istype', v: 'array' }] })],
    ['Switch with expressions as rules', 'switch', comparing('payload', { rules: [{ t: 'jsonata_exp' }] })],
    ['Change of another property', 'change', setting('site', 'A')],
    ['Change of a flow variable', 'change', setting('payload', 'A', { pt: 'flow' })],
    ['Change that counts', 'change', setting('payload', 'payload.length', { tot: 'msg' })],
    ['Change by an expression', 'change', setting('payload', '$count(payload)', { tot: 'jsonata' })],
    ['Change without rules', 'change', {}],
    ['Template for another property', 'template', { field: 'text', fieldType: 'msg' }],
    ['Filter of another property', 'rbe', { property: 'site', septopics: false }],
    ['Delay', 'delay', { pauseType: 'rate' }],
    ['Trigger', 'trigger', { op2type: 'nul', bytopic: 'all' }],
    ['Function', 'function', { func: 'return msg.payload' }],
    ['Split', 'split', {}],
    ['Debug', 'debug', { complete: 'payload' }],
    ['Link in', 'link in', {}],
  ]
  for (const [what, type, settings] of FINE) {
    it(`are fine with a batch: ${what}`, () => assert.equal(propertyOf(type, settings), undefined))
  }

  it('may use what a batch of a consumer has itself: its Kafka topic, not the keys', () => {
    assert.equal(propertyOf('switch', comparing('kafka.topic'), FROM_KAFKA), undefined)
    assert.equal(propertyOf('switch', comparing('kafka["topic"]'), FROM_KAFKA), undefined)
    assert.equal(propertyOf('switch', comparing('kafka.key'), FROM_KAFKA), 'kafka.key')
    assert.equal(propertyOf('switch', comparing('kafka.topic'), FROM_MQTT), 'kafka.topic')
  })

  it('are found while the batch comes as it was sent: through links, junctions, subflows, tenant-topic', () => {
    const passing = [
      node('source', 's', {}, ['t']),
      node('t', 'tenant-topic', {}, ['j'], ['unmatched']),
      node('unmatched', 'switch', comparing('topic')),
      node('j', 'junction', {}, ['out']),
      node('out', 'link out', { links: ['in'] }),
      node('in', 'link in', {}, ['d']),
      node('d', 'delay', { pauseType: 'delay' }, ['site']),
      node('site', 'change', setting('site', 'A'), ['sub']),
      node('sub', 'subflow:s1', {}, ['afterwards']),
      node('afterwards', 'switch', comparing('payload')),
      { id: 's1', type: 'subflow', in: [{ wires: [{ id: 'inside' }] }] },
      node('inside', 'switch', comparing('payload'), ['next']),
      node('next', 'rbe'),
    ]
    assert.deepEqual(found(passing), ['inside'])
  })

  it('are not looked for after a node that may send something else', () => {
    for (const type of [
      'function',
      'split',
      'http request',
      'link call',
      'trigger',
      'tenant-kafka-producer',
    ]) {
      const flow = [node('source', 's', {}, ['n']), node('n', type, {}, ['after']), node('after', 'rbe')]
      assert.deepEqual(found(flow), [], type)
    }
    const counted = setting('payload', 'payload.length', { tot: 'msg' })
    const flow = [
      node('source', 's', {}, ['n']),
      node('n', 'change', counted, ['after']),
      node('after', 'rbe'),
    ]
    assert.deepEqual(found(flow), [])
  })

  it('are found when the source is inside a subflow, next to it', () => {
    const flow: FlowConfig[] = [
      { id: 'sub', type: 'subflow' },
      node('source', 's', { z: 'sub' }, ['n']),
      node('n', 'rbe', { z: 'sub' }),
      node('instance', 'subflow:sub'),
    ]
    assert.deepEqual(found(flow, FROM_MQTT, 'instance-source'), ['n'])
  })
})
