import assert from 'node:assert/strict'
import { FlowCheck, riskyNodesBehind } from '../../../../src/delivery/flow/flow-check'
import type { FlowConfig } from '../../../../src/delivery/flow/flow-walk'

const node = (id: string, type: string, ...wires: string[]): FlowConfig => ({ id, type, wires: [wires] })
const found = (...flow: FlowConfig[]): string[] => riskyNodesBehind('source', flow).map(({ id }) => id)

describe('riskyNodesBehind', () => {
  it('finds them by wires, also after other nodes and in a loop', () => {
    const flow = [
      node('source', 's', 'a'),
      node('a', 'change', 'j', 'b', 'a'),
      node('j', 'join', 'a'),
      node('b', 'batch'),
    ]
    assert.deepEqual(found(...flow).sort(), ['b', 'j'])
  })

  it('follows links, and stops at what is switched off', () => {
    const out: FlowConfig = { id: 'out', type: 'link out', links: ['in'] }
    const off: FlowConfig = { id: 'off', type: 'change', d: true, wires: [['hidden']] }
    const flow = [
      node('source', 's', 'out', 'off'),
      out,
      node('in', 'link in', 'j'),
      node('j', 'join'),
      off,
      node('hidden', 'join'),
    ]
    assert.deepEqual(found(...flow), ['j'])
  })

  it('looks into subflows, also nested ones, and continues after them', () => {
    const flow: FlowConfig[] = [
      node('source', 's', 'outer'),
      { id: 'sub', type: 'subflow', in: [{ wires: [{ id: 'inner' }] }] },
      node('inner', 'subflow:nested'),
      { id: 'nested', type: 'subflow', in: [{ wires: [{ id: 'j' }] }] },
      node('j', 'join'),
      node('outer', 'subflow:sub', 'b'),
      node('b', 'batch'),
    ]
    assert.deepEqual(found(...flow).sort(), ['b', 'j'])
    assert.deepEqual(found(node('source', 's'), ...flow.slice(1)), [])
  })

  it('leaves alone what the source does not reach', () => {
    assert.deepEqual(found(node('source', 's', 'a'), node('a', 'change'), node('j', 'join')), [])
  })
})

describe('FlowCheck', () => {
  /** The codes of what it finds wrong with a flow of a source and this node. */
  function codesOf(node: { readonly type: string; readonly [property: string]: unknown }): string[] {
    const codes: string[] = []
    const flow: FlowConfig[] = [
      { id: 'source', type: 's', wires: [['n']] },
      { id: 'n', ...node },
    ]
    new FlowCheck(
      'source',
      () => flow,
      ({ code }) => codes.push(code),
    ).check()
    return codes
  }

  it('names nodes that merge, that send later, and that wait for a group', () => {
    assert.deepEqual(codesOf({ type: 'join' }), ['FLOW_MERGES'])
    assert.deepEqual(codesOf({ type: 'trigger', op2type: 'payl', duration: '250' }), ['FLOW_SENDS_LATER'])
    assert.deepEqual(codesOf({ type: 'trigger', op2type: 'nul', duration: '-250' }), ['FLOW_SENDS_LATER'])
    assert.deepEqual(codesOf({ type: 'batch' }), ['FLOW_HOLDS'])
    assert.deepEqual(codesOf({ type: 'sort', targetType: 'seq' }), ['FLOW_HOLDS'])
  })

  it('is silent about a Trigger that sends at once, and a Sort of one message', () => {
    assert.deepEqual(codesOf({ type: 'trigger', op2type: 'nul', duration: '250' }), [])
    assert.deepEqual(codesOf({ type: 'sort', targetType: 'msg' }), [])
  })

  it('names nodes that work with one message when the source sends batches, and says what to do', () => {
    const flow = [node('source', 's', 'n'), { ...node('n', 'rbe'), name: 'changed?' }]
    const said: string[] = []
    const onProblem = ({ code, message }: { code: string; message: string }): void =>
      void said.push(`${code}: ${message}`)
    new FlowCheck('source', () => flow, onProblem).check()
    assert.deepEqual(said, [])
    new FlowCheck('source', () => flow, onProblem, { kafka: [] }).check()
    assert.match(
      said.join(),
      /^FLOW_SEES_BATCH: the filter node "changed\?" works with msg\.payload .*tenant batch node.*single messages/,
    )
  })

  it('says a problem once, and forgets it when it is fixed', () => {
    const said: string[] = []
    let flow = [node('source', 's', 'j'), node('j', 'join')]
    const check = new FlowCheck(
      'source',
      () => flow,
      ({ message }) => said.push(message),
    )
    check.check()
    check.check()
    assert.equal(said.length, 1)
    assert.match(said[0] ?? '', /join node j merges messages/)
    assert.equal(check.problem?.code, 'FLOW_MERGES')
    flow = [node('source', 's')]
    check.check()
    assert.equal(check.problem, undefined)
  })
})
