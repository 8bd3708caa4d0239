import assert from 'node:assert/strict'
import { overviewOf, type NodeOverview } from '../../../src/watch/overview'
import { WatchedNodes, type WatchedNode } from '../../../src/watch/watched-nodes'

function overview(...nodes: readonly WatchedNode[]): readonly NodeOverview[] {
  const watched = new WatchedNodes()
  for (const node of nodes) watched.add(node)
  return JSON.parse(JSON.stringify(overviewOf(watched))) as NodeOverview[]
}
const status = (): object => ({ fill: 'green' })

describe('the overview of nodes', () => {
  it('has the few numbers of a node that the editor shows, and leaves out what it does not count', () => {
    const consumer: WatchedNode = {
      id: 'i-c',
      idInFlow: 'c',
      type: 'tenant-kafka-consumer',
      name: '<b>reader</b>',
      status,
      paused: () => false,
      samples: () => ({
        kafka_consumer_messages_consumed_total: 12,
        tenant_pipeline_source_in_flight_records: 3,
        kafka_consumer_lag_messages: 400,
        tenant_pipeline_source_oldest_seconds: 1.5,
        kafka_consumer_stopped_partitions: 2,
      }),
    }
    const topic: WatchedNode = { id: 't', type: 'tenant-topic', status }
    assert.deepEqual(overview(consumer, topic), [
      {
        id: 'i-c',
        idInFlow: 'c',
        type: 'tenant-kafka-consumer',
        name: '<b>reader</b>',
        status: { fill: 'green' },
        stage: 'consumed',
        passed: 12,
        inFlight: 3,
        lag: 400,
        oldestSeconds: 1.5,
        stoppedPartitions: 2,
        paused: false,
      },
      { id: 't', type: 'tenant-topic', status: { fill: 'green' } },
    ])
  })

  it('adds up what is counted by reason or outcome', () => {
    const letters: WatchedNode = {
      id: 'd',
      type: 'tenant-dead-letter-source',
      status,
      samples: () => ({
        tenant_pipeline_replayed_letters_total: new Map([
          ['delivered', 3],
          ['failed', 1],
        ]),
        tenant_pipeline_dead_letters_total: new Map(),
      }),
    }
    const [{ passed, deadLetters, stage } = {} as NodeOverview] = overview(letters)
    assert.deepEqual({ passed, deadLetters, stage }, { passed: 4, deadLetters: 0, stage: undefined })
  })

  it('leaves out configuration nodes', () => {
    assert.deepEqual(overview({ id: 'k', type: 'tenant-kafka-cluster', samples: () => ({}) }), [])
  })
})
