/** What a deploy does to messages on their way through Node-RED's own nodes: none may look as if it had ended. */
import assert from 'node:assert/strict'
import { node, run, sink, source, tab, turns } from '../support/delivery-flow'
import { deploy, helper, startRuntime, stopRuntime, type FlowEntry } from '../support/runtime'

const delay = { rate: '1', nbRateUnits: '1', rateUnits: 'minute', timeout: '1', timeoutUnits: 'minutes' }

describe('a message in a node that a deploy removes', () => {
  before(startRuntime)
  after(stopRuntime)
  afterEach(() => helper.unload())

  /** Core nodes that say done for what they still have when they are closed. */
  const keeping: [string, FlowEntry][] = [
    ['a Delay node', node('n', 'delay', { ...delay, pauseType: 'delay' }, ['sink'])],
    ['the queue of a rate limit', node('n', 'delay', { ...delay, pauseType: 'rate' }, ['sink'])],
    ['the queue of a topic-based rate limit', node('n', 'delay', { ...delay, pauseType: 'queue' }, ['sink'])],
    ['a Batch node', node('n', 'batch', { mode: 'count', count: 9, overlap: 0 }, ['sink'])],
    ['a Sort node', node('n', 'sort', { targetType: 'seq', seqKeyType: 'msg' }, ['sink'])],
    ['a Join node', node('n', 'join', { mode: 'custom', build: 'array', count: '9' }, ['sink'])],
    ['an older node', node('n', 'test-old-node', { delayMs: 60_000 }, ['sink'])],
  ]
  for (const [where, keeper] of keeping) {
    for (const [how, change] of [
      [
        'replaced',
        (flow: FlowEntry[]) => flow.map((entry) => (entry.id === 'n' ? { ...entry, name: 'x' } : entry)),
      ],
      ['removed', (flow: FlowEntry[]) => flow.filter(({ id }) => id !== 'n')],
    ] as const) {
      it(`has failed, to be sent again: ${where} that is ${how}`, async () => {
        const flow = [source('n'), keeper, sink()]
        const { source: from } = await run(...flow)
        const parts = { id: 'group', index: 0, count: 3 }
        const first = from.emitMessage({ payload: 0, topic: 't', parts }, 60_000)
        const second = from.emitMessage({ payload: 1, topic: 'u', parts: { ...parts, index: 1 } }, 60_000)
        await turns()
        await deploy(change([tab, ...flow]), 'nodes')
        // A rate limit lets the first message pass at once.
        if (keeper.pauseType !== 'rate') assert.equal((await first).outcome, 'failed')
        const { outcome, error } = await second
        assert.equal(outcome, 'failed')
        assert.equal(error?.code, 'FLOW_CHANGED')
      })
    }
  }
})
