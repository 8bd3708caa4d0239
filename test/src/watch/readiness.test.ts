import assert from 'node:assert/strict'
import { readinessOf, type FlowState } from '../../../src/watch/readiness'
import { WatchedNodes, type Unready } from '../../../src/watch/watched-nodes'

function nodesWith(...problems: Unready[]): WatchedNodes {
  const nodes = new WatchedNodes()
  problems.forEach((problem, at) => nodes.add({ id: `n${at}`, type: 'tenant-x', unready: () => problem }))
  return nodes
}

describe('readiness', () => {
  it('is there when the flows run and each node has what it needs', () => {
    assert.equal(readinessOf(nodesWith(undefined, undefined), 'running').ready, true)
    assert.equal(
      readinessOf(nodesWith(), 'running').ready,
      true,
      'with no node of ours there is nothing to wait for',
    )
  })

  it('is missing while the flows start, stop, or are deployed', () => {
    for (const state of ['starting', 'stopping'] satisfies FlowState[]) {
      const { ready, flows } = readinessOf(nodesWith(undefined), state)
      assert.deepEqual({ ready, flows }, { ready: false, flows: state })
    }
  })

  it('is missing while one node cannot work, and says which and why', () => {
    const away = { code: 'KAFKA_UNREACHABLE', message: 'Kafka at kafka-1:9092 cannot be reached' }
    const { ready, nodes } = readinessOf(nodesWith(undefined, away), 'running')
    assert.equal(ready, false)
    assert.deepEqual(nodes, [
      { node: 'n0', id: 'n0', type: 'tenant-x', ready: true },
      { node: 'n1', id: 'n1', type: 'tenant-x', ready: false, code: away.code, reason: away.message },
    ])
  })
})
