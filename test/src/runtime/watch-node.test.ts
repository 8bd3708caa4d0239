import assert from 'node:assert/strict'
import { EventLog } from '../../../src/log/event-log'
import { watchConfigNode, watchNode } from '../../../src/runtime/watch-node'
import { readinessOf } from '../../../src/watch/readiness'
import { WatchedNodes } from '../../../src/watch/watched-nodes'
import { PipelineError } from '../../../src/wire/errors'

const problem = new PipelineError('CONFIG_INVALID', 'no', { retryable: true })

function watched(type: string, own = {}, refused?: PipelineError) {
  const nodes = new WatchedNodes()
  const log = new EventLog({ id: 'n', log: () => undefined })
  const node = { id: 'n', type, ...(refused && { problem: refused }) }
  const end = watchNode(node, log, () => own, nodes)
  return {
    nodes,
    log,
    end,
    samples: () => nodes.all[0]?.samples?.(),
    unready: () => nodes.all[0]?.unready?.(),
  }
}

describe('a configuration node that is watched', () => {
  it('counts its lines in the log, and is none of the nodes that are ready or not', () => {
    const nodes = new WatchedNodes()
    const log = new EventLog({ id: 'n', log: () => undefined })
    const end = watchConfigNode({ id: 'n', type: 'tenant-postgres', name: 'db', problem }, log, nodes)
    log.note('POSTGRES_SERVER', 'db-2')
    const { tenant_pipeline_events_total: events } = nodes.all[0]?.samples?.() ?? {}
    assert.deepEqual([...(events as Map<string, number>)], [['POSTGRES_SERVER', 1]])
    assert.deepEqual(readinessOf(nodes, 'running'), { ready: true, flows: 'running', nodes: [] })
    end()
    assert.deepEqual(nodes.all, [])
  })
})

describe('a node that is watched', () => {
  it('counts its lines in the log by code, and reports of a possible loss from 0 on', () => {
    const { log, samples } = watched('tenant-kafka-consumer')
    assert.equal((samples()?.tenant_pipeline_possible_loss_total as Map<string, number>).get('KAFKA_GAP'), 0)
    log.note('KAFKA_GAP', 'gone')
    log.note('KAFKA_CONNECTED', 'connected')
    const { tenant_pipeline_events_total: events, tenant_pipeline_possible_loss_total: losses } =
      samples() ?? {}
    assert.deepEqual(
      [...(events as Map<string, number>)],
      [
        ['KAFKA_GAP', 1],
        ['KAFKA_CONNECTED', 1],
      ],
    )
    assert.deepEqual(
      [...(losses as Map<string, number>)],
      [
        ['KAFKA_OFFSET_OUT_OF_RANGE', 0],
        ['KAFKA_GAP', 1],
      ],
    )
  })

  it('is not ready with a configuration that was refused, or when it says so itself', () => {
    assert.equal(watched('tenant-topic').unready(), undefined)
    assert.equal(watched('tenant-topic', {}, problem).unready(), problem)
    assert.equal(watched('tenant-topic', { unready: () => problem }).unready(), problem)
  })

  it('is watched until it is closed', () => {
    const { nodes, end } = watched('tenant-topic')
    end()
    assert.deepEqual(nodes.all, [])
  })
})
