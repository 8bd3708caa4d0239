/**
 * Core nodes that keep messages, send them later, or have their own way of failing: what becomes of a delivery
 * in each, in a real runtime. `delivery.test.ts` has the rules; this has the nodes.
 */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { catchAll, func, node, run, sink, source, subflow } from '../support/delivery-flow'
import type { TestSource } from '../support/delivery-nodes'
import { helper, startRuntime, stopRuntime, type FlowEntry } from '../support/runtime'
import { until } from '../support/until'

const delay = {
  timeout: '20',
  timeoutUnits: 'milliseconds',
  rate: '50',
  nbRateUnits: '1',
  rateUnits: 'second',
}
const trigger = {
  op1: '',
  op1type: 'pay',
  op2: '',
  op2type: 'nul',
  duration: '30',
  units: 'ms',
  bytopic: 'all',
}

const emitAll = (from: TestSource, payloads: readonly unknown[], more: object = {}) =>
  Promise.all(payloads.map((payload) => from.emitMessage({ payload, topic: 't', ...more })))
const outcomes = (settlements: readonly { outcome: string }[]) => settlements.map(({ outcome }) => outcome)

describe('core nodes on the way of a delivery', () => {
  before(startRuntime)
  after(stopRuntime)
  afterEach(() => helper.unload())

  describe('Switch', () => {
    it('still has the messages that wait in its queue when it has sent others on, for longer than its grace', async () => {
      const letters = `${'bccc'.repeat(100)}a`
      const rules = ['a', 'b'].map((v) => ({ t: 'eq', v, vt: 'str' }))
      const { source: from, sinkOf } = await run(
        source('parts'),
        func('parts', 'return [[...msg.payload].map((payload) => ({ ...msg, payload }))]', ['switch']),
        node(
          'switch',
          'switch',
          { property: 'payload', propertyType: 'msg', rules, outputs: 2 },
          ['sink'],
          ['slow'],
        ),
        func('slow', 'const end = Date.now() + 8; while (Date.now() < end); return null', []),
        sink(),
      )
      const [settlement] = await emitAll(from, [letters])
      assert.equal(settlement?.outcome, 'delivered')
      assert.equal(sinkOf().received.length, 1)
      assert.equal(sinkOf().late.length, 0)
    })
  })

  describe('Delay', () => {
    it('with a rate limit delivers each message when its turn has come', async () => {
      const flow = [source('n'), node('n', 'delay', { ...delay, pauseType: 'rate' }, ['sink']), sink()]
      const { source: from, sinkOf } = await run(...flow)
      assert.deepEqual(outcomes(await emitAll(from, [1, 2, 3])), ['delivered', 'delivered', 'delivered'])
      assert.deepEqual(
        sinkOf().received.map(({ payload }) => payload),
        [1, 2, 3],
      )
    })

    it('with a rate limit that drops ends what it drops on purpose', async () => {
      const dropping = { ...delay, pauseType: 'rate', drop: true, rate: '1', rateUnits: 'hour' }
      const { source: from } = await run(source('n'), node('n', 'delay', dropping, ['sink']), sink())
      assert.deepEqual(outcomes(await emitAll(from, [1, 2])), ['delivered', 'filtered'])
    })

    it('hands what is over its rate to a second output that leads to another sink', async () => {
      const both = { ...delay, pauseType: 'rate', drop: true, outputs: 2, rate: '1', rateUnits: 'hour' }
      const { source: from, sinkOf } = await run(
        source('n'),
        node('n', 'delay', both, ['sink'], ['other']),
        sink(),
        sink('other'),
      )
      assert.deepEqual(outcomes(await emitAll(from, [1, 2])), ['delivered', 'delivered'])
      assert.equal(sinkOf('other').received.length, 1)
    })

    it('that keeps the newest of each topic ends the older one on purpose', async () => {
      const { source: from } = await run(
        source('n'),
        node('n', 'delay', { ...delay, pauseType: 'queue' }, ['sink']),
        sink(),
      )
      assert.deepEqual(outcomes(await emitAll(from, [1, 2])), ['filtered', 'delivered'])
    })
  })

  describe('Trigger', () => {
    it('that sends at once and nothing later delivers', async () => {
      const { source: from } = await run(source('n'), node('n', 'trigger', trigger, ['sink']), sink())
      assert.deepEqual(outcomes(await emitAll(from, [1])), ['delivered'])
    })

    it('that sends later has said done before: the copy comes late, and the sink sees that', async () => {
      const later = { ...trigger, op1type: 'nul', op2type: 'payl' }
      const { source: from, sinkOf } = await run(source('n'), node('n', 'trigger', later, ['sink']), sink())
      assert.deepEqual(outcomes(await emitAll(from, [1])), ['filtered'])
      await until('the copy has come', () => sinkOf().received.length === 1)
      assert.equal(sinkOf().late.length, 1)
    })
  })

  describe('nodes that work on groups', () => {
    const emitGroup = (from: TestSource) =>
      Promise.all(
        [3, 1, 2].map((payload, index) =>
          from.emitMessage({ payload, topic: 't', parts: { id: 'group', index, count: 3 } }),
        ),
      )

    it('Sort delivers each message of a group when the group is complete', async () => {
      const sort = { targetType: 'seq', seqKey: 'payload', seqKeyType: 'msg', as_num: true }
      const { source: from, sinkOf } = await run(source('n'), node('n', 'sort', sort, ['sink']), sink())
      assert.deepEqual(outcomes(await emitGroup(from)), ['delivered', 'delivered', 'delivered'])
      assert.deepEqual(
        sinkOf().received.map(({ payload }) => payload),
        [1, 2, 3],
      )
    })

    it('Batch delivers each message of a group when the group is complete', async () => {
      const batch = { mode: 'count', count: 3, overlap: 0 }
      const { source: from, sinkOf } = await run(source('n'), node('n', 'batch', batch, ['sink']), sink())
      assert.deepEqual(outcomes(await emitGroup(from)), ['delivered', 'delivered', 'delivered'])
      assert.equal(sinkOf().received.length, 3)
    })

    it('Join puts together what a Split has parted: one delivery all the way', async () => {
      const split = { splt: '\\n', spltType: 'str', arraySplt: 1, arraySpltType: 'len', property: 'payload' }
      const { source: from, sinkOf } = await run(
        source('n'),
        node('n', 'split', split, ['work']),
        func('work', 'msg.payload *= 2; return msg', ['join']),
        node('join', 'join', { mode: 'auto', build: 'array' }, ['sink']),
        sink(),
      )
      assert.deepEqual(outcomes(await emitAll(from, [[1, 2, 3]])), ['delivered'])
      assert.deepEqual(sinkOf().received[0]?.payload, [2, 4, 6])
    })
  })

  describe('Function', () => {
    it('that sends later without node.done() looks finished: the copy comes late', async () => {
      const body = 'setTimeout(() => node.send(msg), 30); return null'
      const { source: from, sinkOf } = await run(source('n'), func('n', body, ['sink']), sink())
      assert.deepEqual(outcomes(await emitAll(from, [1])), ['filtered'])
      await until('the copy has come', () => sinkOf().received.length === 1)
      assert.equal(sinkOf().late.length, 1)
    })

    it('that sends several messages, at once and one by one, delivers when all are stored', async () => {
      const body = 'node.send({ payload: 1 }); node.send(msg); return [[msg, { payload: 2 }], msg]'
      const { source: from, sinkOf } = await run(source('n'), func('n', body, ['sink'], ['sink']), sink())
      assert.deepEqual(outcomes(await emitAll(from, [0])), ['delivered'])
      assert.equal(sinkOf().received.length, 5)
    })

    it('that ends the message with node.done() and no message filters it', async () => {
      const body = 'setTimeout(() => node.done(), 20)'
      const { source: from } = await run(source('n'), func('n', body, ['sink']), sink())
      assert.deepEqual(outcomes(await emitAll(from, [1])), ['filtered'])
    })

    for (const [body, outcome] of [
      ['node.error("bad", msg); return null', 'failed'],
      ['node.error(new Error("bad"), msg); node.done(); ', 'failed'],
      ['await null; node.error("bad", msg); return null', 'failed'],
      ['node.error("bad", msg); return { _msgid: msg._msgid, payload: msg.payload }', 'failed'],
      ['node.error("bad", msg); return msg', 'delivered'],
      ['node.error("bad", msg); return [[msg, msg]]', 'delivered'],
      ['node.error("bad"); return msg', 'delivered'],
      ['node.error("bad", { payload: 1 }); return null', 'filtered'],
      ['node.warn("bad", msg); return null', 'filtered'],
    ] as const) {
      it(`that runs \`${body}\` has ${outcome} the message, without a Catch node`, async () => {
        const { source: from } = await run(source('n'), func('n', body, ['sink']), sink())
        const [settlement] = await emitAll(from, [1])
        assert.equal(settlement?.outcome, outcome)
        if (outcome === 'failed') assert.match(settlement.error?.message ?? '', /bad/)
      })
    }

    it('that reports an error is settled when a Catch node hands it to a sink', async () => {
      for (const body of [
        'node.error("bad", msg); return null',
        'throw new Error("bad")',
        'node.error("bad", msg); throw new Error("worse")',
      ]) {
        const { source: from, sinkOf } = await run(
          source('n'),
          func('n', body, []),
          catchAll('letters'),
          sink('letters'),
        )
        assert.deepEqual(outcomes(await emitAll(from, [1])), ['delivered'], body)
        assert.ok(sinkOf('letters').received.length > 0)
        await helper.unload()
      }
    })

    it('whose promise is rejected fails', async () => {
      const body = 'await null; throw new Error("bad")'
      const { source: from } = await run(source('n'), func('n', body, ['sink']), sink())
      assert.deepEqual(outcomes(await emitAll(from, [1])), ['failed'])
    })
  })

  describe('JSON', () => {
    const json = node('n', 'json', { property: 'payload', action: 'obj' }, ['sink'])

    it('fails what is no JSON', async () => {
      const { source: from, sinkOf } = await run(source('n'), json, sink())
      const [settlement] = await emitAll(from, ['{"a":'])
      assert.equal(settlement?.outcome, 'failed')
      assert.equal(settlement?.failedAt, 'n')
      assert.equal(sinkOf().received.length, 0)
    })

    it('delivers what is no JSON when a Catch node hands it to a dead letter', async () => {
      const { source: from, sinkOf } = await run(
        source('n'),
        json,
        sink(),
        catchAll('letters'),
        sink('letters'),
      )
      assert.deepEqual(outcomes(await emitAll(from, ['{"a":'])), ['delivered'])
      assert.equal(sinkOf('letters').received[0]?.payload, '{"a":')
    })
  })

  describe('HTTP request', () => {
    let server: Server
    const requestTo = (url: string) => node('n', 'http request', { method: 'GET', ret: 'txt', url }, ['sink'])
    const address = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`

    before((done) => {
      server = createServer((request, response) => response.end(`answer to ${request.url}`)).listen(0, done)
    })
    after((done) => {
      server.closeAllConnections()
      server.close(() => done())
    })

    it('delivers with the answer', async () => {
      const { source: from, sinkOf } = await run(source('n'), requestTo(`${address()}x`), sink())
      assert.deepEqual(outcomes(await emitAll(from, [1])), ['delivered'])
      assert.equal(sinkOf().received[0]?.payload, 'answer to /x')
    })

    it('that reaches no node fails, although it sends the message on, with its error instead of the payload', async () => {
      const request = requestTo('http://127.0.0.1:1/')
      for (const caught of [[], [catchAll('quiet'), func('quiet', 'return null', [])]]) {
        const { source: from } = await run(source('n'), request, sink(), ...caught)
        assert.deepEqual(outcomes(await emitAll(from, [1])), ['failed'])
        await helper.unload()
      }
    })
  })

  describe('Link call', () => {
    const called = (...inner: FlowEntry[]): FlowEntry[] => [
      node('in', 'link in', { links: [] }, ['work']),
      ...inner,
      node('back', 'link out', { mode: 'return', links: [] }),
    ]
    const call = (id: string, wires: string[], timeout = '5') =>
      node(id, 'link call', { links: ['in'], linkType: 'static', timeout }, wires)

    it('delivers through a flow that is called twice on the way', async () => {
      const work = func('work', 'msg.payload += 1; return msg', ['back'])
      const { source: from, sinkOf } = await run(
        source('n'),
        call('n', ['again']),
        call('again', ['sink']),
        ...called(work),
        sink(),
      )
      assert.deepEqual(outcomes(await emitAll(from, [1])), ['delivered'])
      assert.equal(sinkOf().received[0]?.payload, 3)
    })

    it('stays open while the called flow works', async () => {
      const work = node('work', 'delay', { ...delay, pauseType: 'delay', timeout: '100' }, ['back'])
      const { source: from } = await run(source('n'), call('n', ['sink']), ...called(work), sink())
      assert.deepEqual(outcomes(await emitAll(from, [1])), ['delivered'])
    })

    it('fails after the timeout of the delivery when the called flow ends the message', async () => {
      const work = func('work', 'return null', ['back'])
      const { source: from } = await run(source('n'), call('n', ['sink']), ...called(work), sink())
      const settlement = await from.emitMessage({ payload: 1 }, 50)
      assert.equal(settlement.error?.code, 'DELIVERY_STALLED')
    })

    it('has given the message up when it reports its own timeout: a dead letter after a Catch closes it', async () => {
      const work = func('work', 'return null', ['back'])
      const { source: from, sinkOf } = await run(
        source('n'),
        call('n', ['sink'], '0.05'),
        ...called(work),
        sink(),
        catchAll('letters'),
        sink('letters'),
      )
      assert.deepEqual(outcomes(await emitAll(from, [1])), ['delivered'])
      assert.equal(sinkOf('letters').received.length, 1)
    })
  })

  describe('a subflow', () => {
    it('fails what fails inside it', async () => {
      const inner = func('inner', 'throw new Error("bad")', [])
      const { source: from } = await run(source('n'), ...subflow(inner, ['sink']), sink())
      assert.deepEqual(outcomes(await emitAll(from, [1])), ['failed'])
    })

    it('delivers what fails inside it when a Catch node outside hands it to a dead letter', async () => {
      const inner = func('inner', 'throw new Error("bad")', [])
      const { source: from, sinkOf } = await run(
        source('n'),
        ...subflow(inner, ['sink']),
        sink(),
        catchAll('letters'),
        sink('letters'),
      )
      assert.deepEqual(outcomes(await emitAll(from, [1])), ['delivered'])
      assert.equal(sinkOf('letters').received.length, 1)
    })

    it('ends on purpose what a Switch node inside it does not let through', async () => {
      const rules = [{ t: 'eq', v: '9', vt: 'num' }]
      const inner = node('inner', 'switch', { property: 'payload', propertyType: 'msg', rules, outputs: 1 })
      const { source: from } = await run(source('n'), ...subflow(inner, ['sink']), sink())
      assert.deepEqual(outcomes(await emitAll(from, [1, 9])), ['filtered', 'delivered'])
    })
  })

  describe('Catch, Complete and Debug', () => {
    const failing = (id: string) => func(id, `throw new Error("${id}")`, [])

    it('closes the failures of two branches when each has its dead letter', async () => {
      const flow = [source('a', 'b'), failing('a'), failing('b'), catchAll('letters'), sink('letters')]
      const { source: from, sinkOf } = await run(...flow)
      assert.deepEqual(outcomes(await emitAll(from, [1])), ['delivered'])
      assert.equal(sinkOf('letters').received.length, 2)
    })

    it('fails when only one of two failing branches has a dead letter', async () => {
      const onlyA = node('catch', 'catch', { scope: ['a'] }, ['letters'])
      const flow = [source('a', 'b'), failing('a'), failing('b'), onlyA, sink('letters')]
      const { source: from } = await run(...flow)
      const [settlement] = await emitAll(from, [1])
      assert.equal(settlement?.outcome, 'failed')
      assert.equal(settlement?.failedAt, 'b')
    })

    it('does not acknowledge what a Catch node hands to a Debug node', async () => {
      const debug = node('debug', 'debug', { active: true, tosidebar: true, complete: 'true' })
      const { source: from } = await run(source('a'), failing('a'), catchAll('debug'), debug)
      assert.deepEqual(outcomes(await emitAll(from, [1])), ['failed'])
    })

    it('fails when the dead letter cannot be stored either', async () => {
      const { source: from, sinkOf } = await run(
        source('a'),
        failing('a'),
        node('catch', 'catch', { scope: ['a'] }, ['letters']),
        sink('letters'),
      )
      sinkOf('letters').failure = new Error('full') as never
      assert.deepEqual(outcomes(await emitAll(from, [1])), ['failed'])
    })

    it('waits for a sink after a Complete node as for any other', async () => {
      const { source: from, sinkOf } = await run(
        source('sink'),
        sink(),
        node('complete', 'complete', { scope: ['sink'] }, ['after']),
        sink('after'),
      )
      assert.deepEqual(outcomes(await emitAll(from, [1])), ['delivered'])
      assert.equal(sinkOf('after').received.length, 1)
      assert.equal(sinkOf('after').late.length, 0)
    })

    it('ends on purpose what only a Debug node gets', async () => {
      const debug = node('debug', 'debug', { active: true, tosidebar: true, complete: 'true' })
      const { source: from } = await run(source('debug'), debug)
      assert.deepEqual(outcomes(await emitAll(from, [1])), ['filtered'])
    })
  })
})
