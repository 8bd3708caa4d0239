/**
 * What the delivery tracker learns of Node-RED's own nodes, in a real runtime: each test is a small flow between
 * a source and a sink that keep the contract of this package. Runs on the Node-RED of `NODE_RED_RUNTIME`
 * (default: the development dependency).
 */
import assert from 'node:assert/strict'
import { riskyNodesBehind } from '../../src/delivery/flow/flow-check'
import { func, node, permanent, run, sink, source, tab, turns } from '../support/delivery-flow'
import type { HeldCopy } from '../support/delivery-nodes'
import { deploy, helper, startRuntime, stopRuntime, type FlowEntry } from '../support/runtime'

/** A message is split; every part fails at one node, and goes through a Catch node and this Function to the letters. */
function splitFlow(behindCatch: string, ...wires: string[]): FlowEntry[] {
  const split = { splt: '\\n', spltType: 'str', arraySplt: 1, arraySpltType: 'len', property: 'payload' }
  return [
    source('split'),
    node('split', 'split', split, ['n']),
    func('n', 'throw new Error("bad")', ['sink']),
    sink(),
    node('catch', 'catch', { scope: ['n'] }, ['choose']),
    func('choose', behindCatch, wires.length > 0 ? wires : ['letters']),
    sink('letters'),
  ]
}

describe('deliveries in a flow', () => {
  before(startRuntime)
  after(stopRuntime)
  afterEach(() => helper.unload())

  describe('is delivered', () => {
    it('by a sink wired directly', async () => {
      const { source: from } = await run(source('sink'), sink())
      assert.deepEqual(await from.emitMessage({ payload: 1 }), { outcome: 'delivered' })
    })

    it('after both sinks of a fan-out have confirmed', async () => {
      const { source: from, sinkOf } = await run(source('sink', 'other'), sink(), sink('other'))
      const held: HeldCopy[] = (sinkOf('other').holding = [])
      let settled = false
      const settlement = from.emitMessage({ payload: 1 }).finally(() => (settled = true))
      while (held.length === 0) await new Promise(setImmediate)
      await turns()
      assert.equal(settled, false)
      held[0]!.confirm()
      assert.equal((await settlement).outcome, 'delivered')
    })

    const passing: [string, FlowEntry[]][] = [
      [
        'a Change node',
        [node('n', 'change', { rules: [{ t: 'set', p: 'x', pt: 'msg', to: '1', tot: 'num' }] }, ['sink'])],
      ],
      ['a Function node that returns the message', [func('n', 'msg.seen = true; return msg', ['sink'])]],
      ['a Function node that returns a new object', [func('n', 'return { payload: msg.payload }', ['sink'])]],
      [
        'a Function node that waits and calls node.done()',
        [func('n', 'setTimeout(() => { node.send(msg); node.done() }, 20)', ['sink'])],
      ],
      [
        'an async Function node',
        [func('n', 'await new Promise(r => setTimeout(r, 20)); return msg', ['sink'])],
      ],
      [
        'a Switch node',
        [
          node(
            'n',
            'switch',
            {
              property: 'payload',
              propertyType: 'msg',
              rules: [{ t: 'eq', v: '1', vt: 'num' }],
              checkall: 'true',
              outputs: 1,
            },
            ['sink'],
          ),
        ],
      ],
      ['a Filter node', [node('n', 'rbe', { func: 'rbe', property: 'payload', topi: 'topic' }, ['sink'])]],
      [
        'a Delay node',
        [
          node(
            'n',
            'delay',
            {
              pauseType: 'delay',
              timeout: '30',
              timeoutUnits: 'milliseconds',
              rate: '1',
              nbRateUnits: '1',
              rateUnits: 'second',
            },
            ['sink'],
          ),
        ],
      ],
      ['a Template node', [node('n', 'template', { field: 'x', template: 't' }, ['sink'])]],
      ['a JSON node', [node('n', 'json', { property: 'payload', action: '' }, ['sink'])]],
      ['a junction', [node('n', 'junction', {}, ['sink'])]],
      [
        'Link out and Link in',
        [
          node('n', 'link out', { mode: 'link', links: ['in'] }),
          node('in', 'link in', { links: ['n'] }, ['sink']),
        ],
      ],
      [
        'a Link call',
        [
          node('n', 'link call', { links: ['in'], linkType: 'static', timeout: '5' }, ['sink']),
          node('in', 'link in', { links: [] }, ['back']),
          node('back', 'link out', { mode: 'return', links: [] }),
        ],
      ],
      [
        'a subflow',
        [
          {
            id: 'sub',
            type: 'subflow',
            name: 's',
            in: [{ wires: [{ id: 'inner' }] }],
            out: [{ wires: [{ id: 'inner', port: 0 }] }],
          },
          { id: 'inner', type: 'function', z: 'sub', func: 'return msg', outputs: 1, libs: [], wires: [[]] },
          node('n', 'subflow:sub', {}, ['sink']),
        ],
      ],
      [
        'an older node that sends on within the grace',
        [node('n', 'test-old-node', { delayMs: 50 }, ['sink'])],
      ],
    ]
    for (const [what, nodes] of passing) {
      it(`through ${what}`, async () => {
        const { source: from, sinkOf } = await run(source('n'), ...nodes, sink())
        assert.deepEqual(await from.emitMessage({ payload: 1, topic: 't' }), { outcome: 'delivered' })
        assert.equal(sinkOf().received.length, 1)
        assert.equal(sinkOf().late.length, 0)
      })
    }

    it('when all parts of a Split are confirmed', async () => {
      const split = { splt: '\\n', spltType: 'str', arraySplt: 1, arraySpltType: 'len', property: 'payload' }
      const { source: from, sinkOf } = await run(source('n'), node('n', 'split', split, ['sink']), sink())
      assert.equal((await from.emitMessage({ payload: [1, 2, 3] })).outcome, 'delivered')
      assert.equal(sinkOf().received.length, 3)
    })

    it('when a Catch node hands the failure to a sink that stores it', async () => {
      const flow = [
        source('n'),
        func('n', 'throw new Error("bad")', ['sink']),
        sink(),
        node('catch', 'catch', { scope: null }, ['letters']),
        sink('letters'),
      ]
      const { source: from, sinkOf } = await run(...flow)
      assert.deepEqual(await from.emitMessage({ payload: 1 }), { outcome: 'delivered' })
      assert.equal(sinkOf('letters').received.length, 1)
    })

    it('when a Catch node hands the failures of all parts of a Split to a sink that stores them', async () => {
      const { source: from, sinkOf } = await run(...splitFlow('msg.error.again = true; return msg'))
      assert.equal((await from.emitMessage({ payload: [1, 2] })).outcome, 'delivered')
      assert.equal(sinkOf('letters').received.length, 2)
    })

    it('when two Catch nodes get what is reported by node.error, and it is stored after only one of them', async () => {
      const flow = [
        source('n'),
        func('n', 'node.error("bad", msg); return null', ['sink']),
        sink(),
        node('first', 'catch', { scope: null }, ['quiet']),
        func('quiet', 'return null', []),
        sink('letters'),
      ]
      const { source: from } = await run(...flow)
      // The helper can load one Catch node only.
      await deploy([tab, ...flow, node('second', 'catch', { scope: null }, ['letters'])], 'nodes')
      assert.equal((await from.emitMessage({ payload: 1 })).outcome, 'delivered')
    })

    it('when the flow tries it again by itself until it is stored', async () => {
      const { source: from } = await run(
        source('n'),
        func('n', 'msg.tries = (msg.tries ?? 0) + 1; if (msg.tries < 4) throw new Error("bad"); return msg', [
          'sink',
        ]),
        sink(),
        node('catch', 'catch', { scope: null }, ['n']),
      )
      assert.equal((await from.emitMessage({ payload: 1 })).outcome, 'delivered')
    })

    it('and a Complete node may continue with it', async () => {
      const { source: from, sinkOf } = await run(
        source('sink'),
        sink(),
        node('complete', 'complete', { scope: ['sink'] }, ['after']),
        func('after', 'return null', []),
      )
      assert.equal((await from.emitMessage({ payload: 1 })).outcome, 'delivered')
      assert.equal(sinkOf().received.length, 1)
    })

    it('each of a burst that waits in a Switch node for longer than the grace', async () => {
      const rules = [{ t: 'eq', v: '1', vt: 'num' }, { t: 'else' }]
      const more = { property: 'payload', propertyType: 'msg', rules, checkall: 'false', outputs: 2 }
      const { source: from, sinkOf } = await run(
        source('n'),
        node('n', 'switch', more, ['slow'], ['slow']),
        func('slow', 'const until = Date.now() + 2; while (Date.now() < until); return msg', ['sink']),
        sink(),
      )
      const burst = Array.from({ length: 600 }, (_, payload) => from.emitMessage({ payload }, 60_000))
      const outcomes = new Set((await Promise.all(burst)).map(({ outcome }) => outcome))
      assert.deepEqual([...outcomes], ['delivered'])
      assert.equal(sinkOf().late.length, 0)
    })
  })

  describe('is filtered', () => {
    const ending: [string, FlowEntry[]][] = [
      ['a Function node returns null', [func('n', 'return null', ['sink'])]],
      [
        'no rule of a Switch node matches',
        [
          node(
            'n',
            'switch',
            { property: 'payload', propertyType: 'msg', rules: [{ t: 'eq', v: '9', vt: 'num' }], outputs: 1 },
            ['sink'],
          ),
        ],
      ],
      ['an output is not wired', [func('n', 'return msg', [])]],
      [
        'the wire leads to a disabled node',
        [node('n', 'function', { d: true, func: '', outputs: 1 }, ['sink'])],
      ],
    ]
    for (const [what, nodes] of ending) {
      it(`when ${what}`, async () => {
        const { source: from, sinkOf } = await run(source('n'), ...nodes, sink())
        assert.deepEqual(await from.emitMessage({ payload: 1 }), { outcome: 'filtered' })
        assert.equal(sinkOf().received.length, 0)
      })
    }

    it('when a Filter node blocks a repeated value', async () => {
      const rbe = node('n', 'rbe', { func: 'rbe', property: 'payload', topi: 'topic' }, ['sink'])
      const { source: from } = await run(source('n'), rbe, sink())
      assert.equal((await from.emitMessage({ payload: 1, topic: 't' })).outcome, 'delivered')
      assert.equal((await from.emitMessage({ payload: 1, topic: 't' })).outcome, 'filtered')
    })

    it('as a part of a Join; the joined message carries the delivery of its last part', async () => {
      const join = {
        mode: 'custom',
        build: 'array',
        property: 'payload',
        propertyType: 'msg',
        count: '2',
        joiner: '\\n',
      }
      const { source: from, sinkOf } = await run(source('n'), node('n', 'join', join, ['sink']), sink())
      const first = from.emitMessage({ payload: 1 }, 1000)
      const second = from.emitMessage({ payload: 2 }, 1000)
      assert.equal((await first).outcome, 'filtered')
      assert.equal((await second).outcome, 'delivered')
      assert.equal(sinkOf().received.length, 1)
    })
  })

  describe('fails', () => {
    it('when a Function node throws and nothing catches it', async () => {
      const { source: from } = await run(source('n'), func('n', 'throw new Error("bad")', ['sink']), sink())
      const settlement = await from.emitMessage({ payload: 1 })
      assert.equal(settlement.outcome, 'failed')
      assert.equal(settlement.failedAt, 'n')
      assert.equal(settlement.error?.retryable, true)
    })

    it('when a Catch node leads only to a Function node that ends it: nothing has stored it', async () => {
      const { source: from } = await run(
        source('n'),
        func('n', 'throw new Error("bad")', ['sink']),
        sink(),
        node('catch', 'catch', { scope: null }, ['quiet']),
        func('quiet', 'return null', []),
      )
      assert.equal((await from.emitMessage({ payload: 1 })).outcome, 'failed')
    })

    it('when two parts of a Split fail at one node, and only one of them is stored after the Catch node', async () => {
      const { source: from, sinkOf } = await run(...splitFlow('return msg.payload === 2 ? null : msg'))
      assert.equal((await from.emitMessage({ payload: [1, 2] })).outcome, 'failed')
      assert.equal(sinkOf('letters').received.length, 1)
      assert.equal((await from.emitMessage({ payload: [1] })).outcome, 'delivered')
    })

    it('when two parts of a Split fail at one node, and two sinks store the same one of them', async () => {
      const { source: from, sinkOf } = await run(
        ...splitFlow('return msg.payload === 2 ? null : msg', 'letters', 'others'),
        sink('others'),
      )
      assert.equal((await from.emitMessage({ payload: [1, 2] })).outcome, 'failed')
      assert.deepEqual([sinkOf('letters').received.length, sinkOf('others').received.length], [1, 1])
    })

    it('when a Function node reports the message by node.error and a Catch node gets it', async () => {
      const { source: from } = await run(
        source('n'),
        func('n', 'node.error("bad", msg); return null', ['sink']),
        sink(),
        node('catch', 'catch', { scope: null }, ['quiet']),
        func('quiet', 'return null', []),
      )
      assert.equal((await from.emitMessage({ payload: 1 })).outcome, 'failed')
    })

    it('permanently when a sink says that another attempt cannot help', async () => {
      const { source: from, sinkOf } = await run(source('sink'), sink())
      sinkOf().failure = permanent
      const settlement = await from.emitMessage({ payload: 1 })
      assert.equal(settlement.error, permanent)
    })

    const BATCH = () => ({ batch: true, payload: [{ payload: 'a' }, { payload: 'b' }] })
    const replacing: Readonly<Record<string, FlowEntry>> = {
      'a Change node': node(
        'n',
        'change',
        { rules: [{ t: 'set', p: 'payload', pt: 'msg', to: 'x', tot: 'str' }] },
        ['sink'],
      ),
      'a JSON node': node('n', 'json', { property: 'payload', action: '', pretty: false }, ['sink']),
      'a Template node': node(
        'n',
        'template',
        { field: 'payload', fieldType: 'msg', syntax: 'plain', template: 'x', output: 'str' },
        ['sink'],
      ),
      'a Split node': node('n', 'split', { arraySplt: 1, arraySpltType: 'len', property: 'payload' }, [
        'sink',
      ]),
      'a Function node': func('n', 'msg.payload = msg.payload[0]; return msg', ['sink']),
    }
    for (const [what, replaces] of Object.entries(replacing)) {
      it(`permanently when ${what} replaces the list of a batch: one record is not the batch`, async () => {
        const { source: from } = await run(source('n'), replaces, sink())
        const { outcome, error, stored } = await from.emitMessage(BATCH())
        assert.deepEqual([outcome, error?.code, error?.retryable], ['failed', 'BATCH_LIST_LOST', false])
        assert.equal(stored?.size ?? 0, 0)
      })
    }

    const asMeant: Readonly<Record<string, string>> = {
      'makes messages of the records': 'return [msg.payload.map((record) => ({ ...msg, ...record }))]',
      'puts one record in the place of the batch, and says so':
        'return { ...msg, payload: msg.payload.length, batch: false }',
    }
    for (const [what, body] of Object.entries(asMeant)) {
      it(`not when a Function node ${what}`, async () => {
        const { source: from } = await run(source('n'), func('n', body, ['sink']), sink())
        assert.deepEqual(await from.emitMessage(BATCH()), { outcome: 'delivered' })
      })
    }

    it('not when a message has a batch of the user: the number of a production batch, for example', async () => {
      const { source: from } = await run(source('sink'), sink())
      assert.deepEqual(await from.emitMessage({ batch: 'LOT-7', payload: 1 }), { outcome: 'delivered' })
    })

    it('when one of two sinks fails', async () => {
      const { source: from, sinkOf } = await run(source('sink', 'other'), sink(), sink('other'))
      sinkOf('other').failure = permanent
      assert.deepEqual(await from.emitMessage({ payload: 1 }), {
        outcome: 'failed',
        error: permanent,
        failedAt: 'other',
      })
    })

    it('not because a node has blocked the event loop: what waited in it is delivered by the first attempt', async () => {
      const { source: from, sinkOf } = await run(
        source('block'),
        func(
          'block',
          'if (msg.payload === 10) { const end = Date.now() + 2500; while (Date.now() < end); } return msg',
          ['sink'],
        ),
        sink(),
      )
      const emitted = Array.from({ length: 20 }, (_, n) => from.emitMessage({ payload: n }, 1000))
      for (const { outcome } of await Promise.all(emitted)) assert.equal(outcome, 'delivered')
      assert.deepEqual(sinkOf().late, [])
    })

    it('after its timeout when a node keeps it, and not while a sink holds it', async () => {
      const keeping = func('n', 'if (msg.payload === 0) node.done()', ['sink'])
      const { source: from, sinkOf } = await run(source('n', 'sink'), keeping, sink())
      const held: HeldCopy[] = (sinkOf().holding = [])
      const settlement = from.emitMessage({ payload: 1 }, 1)
      while (held.length === 0) await new Promise(setImmediate)
      assert.equal(from.tracking.tracker.failStalled(), 0)
      held[0]!.confirm()
      const { outcome } = await settlement
      assert.equal(outcome, 'failed')
    })

    it('when a partial deploy replaces the node that has the message', async () => {
      const waiting = (body: string) => func('n', body, ['sink'])
      const flow = (body: string) => [tab, source('n'), waiting(body), sink()]
      const { source: from } = await run(
        ...flow('setTimeout(() => { node.send(msg); node.done() }, 60000)').slice(1),
      )
      const settlement = from.emitMessage({ payload: 1 }, 60_000)
      await new Promise(setImmediate)
      await deploy(flow('return msg'), 'nodes')
      const { outcome, error } = await settlement
      assert.equal(outcome, 'failed')
      assert.equal(error?.code, 'FLOW_CHANGED')
      assert.equal((await from.emitMessage({ payload: 2 })).outcome, 'delivered')
    })

    it('not when a deploy leaves the node alone that has the message, also inside a subflow', async () => {
      const flow = (name: string) => [
        tab,
        {
          id: 'sub',
          type: 'subflow',
          name: 's',
          in: [{ wires: [{ id: 'inner' }] }],
          out: [{ wires: [{ id: 'inner', port: 0 }] }],
        },
        {
          id: 'inner',
          type: 'function',
          z: 'sub',
          func: 'context.global.get("test")(() => { node.send(msg); node.done() })',
          outputs: 1,
          libs: [],
          wires: [[]],
        },
        source('n'),
        node('n', 'subflow:sub', {}, ['sink']),
        sink(),
        { ...sink('bystander'), name },
      ]
      const { source: from } = await run(...flow('before').slice(1))
      let goOn: (() => void) | undefined
      from.context().global.set('test', (resume: () => void) => (goOn = resume))
      const settlement = from.emitMessage({ payload: 1 }, 60_000)
      while (goOn === undefined) await new Promise(setImmediate)
      await deploy(flow('after'), 'nodes')
      goOn()
      assert.deepEqual(await settlement, { outcome: 'delivered' })
    })

    it('when it is sent while a deploy is replacing the sink', async () => {
      const { source: from } = await run(source('sink'), sink())
      const { tracking } = from
      const deployed = deploy([tab, source('sink'), { ...sink(), name: 'renamed' }], 'nodes')
      while (tracking.gateOpen) await new Promise((resolve) => process.nextTick(resolve))
      const { outcome, error } = await from.emitMessage({ payload: 1 })
      await deployed
      assert.equal(outcome, 'failed')
      assert.equal(error?.code, 'FLOW_CHANGED')
      assert.equal(tracking.gateOpen, true)
    })
  })

  it('shows a sink that a copy came after its delivery was settled', async () => {
    const { source: from, sinkOf } = await run(
      source('n'),
      node('n', 'test-old-node', { delayMs: 900 }, ['sink']),
      sink(),
    )
    assert.equal((await from.emitMessage({ payload: 1 })).outcome, 'filtered')
    while (sinkOf().received.length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    assert.equal(sinkOf().late.length, 1)
  })

  it('knows from the flow file which nodes downstream of the source do not fit its promise', async () => {
    const { source: from } = await run(
      source('a'),
      node('a', 'join', { mode: 'auto' }, ['b']),
      node('b', 'batch', { mode: 'count', count: 2 }, ['c']),
      node('c', 'sort', { targetType: 'seq' }, ['d']),
      node('d', 'trigger', { op2type: 'payl', duration: '1' }, ['sink']),
      sink(),
    )
    const behind = riskyNodesBehind('source', from.tracking.flowConfigs())
    assert.deepEqual(
      behind.map(({ type }) => type),
      ['join', 'batch', 'sort', 'trigger'],
    )
  })

  it('leaves messages without a delivery alone', async () => {
    const { source: from, sinkOf } = await run(source('sink'), sink())
    from.send({ payload: 'from elsewhere' })
    while (sinkOf().received.length === 0) await new Promise(setImmediate)
    assert.equal(from.tracking.tracker.size, 0)
  })
})
