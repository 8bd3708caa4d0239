import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import {
  JointRequests,
  type Outcome,
  type PartitionBatch,
} from '../../../../src/kafka/produce/joint-requests'
import { partitionKey } from '../../../../src/kafka/topic-partition'

class Refused extends Error {}
class Disconnected extends Error {}

function batch(topic: string, partition: number, bytes = 100): PartitionBatch {
  return { topic, partition, records: [], bytes }
}

function setUp(write: (batches: readonly PartitionBatch[]) => Promise<readonly Outcome[]>) {
  const requests: string[][] = []
  const leaders: (number | undefined)[] = []
  const joint = new JointRequests({
    // Partition n is led by broker n modulo 2; that of topic `new` is not known.
    leaderOf: ({ topic, partition }) => (topic === 'new' ? undefined : partition % 2),
    write: (batches, leader) => {
      requests.push(batches.map(partitionKey))
      leaders.push(leader)
      return write(batches)
    },
    isOfConnection: (error) => error instanceof Disconnected,
  })
  return { joint, requests, leaders }
}

/** Each is stored at the offset that is its partition. */
const answer = (batches: readonly PartitionBatch[]): Promise<readonly Outcome[]> =>
  Promise.resolve(batches.map(({ partition }) => partition))

describe('joint requests', () => {
  it('carry the batches of one moment, those for each leader together, of whatever topics', async () => {
    const { joint, requests, leaders } = setUp(answer)
    const sent = ['t', 'u'].flatMap((topic) =>
      [0, 1, 2].map((partition) => joint.send(batch(topic, partition))),
    )
    assert.deepEqual(await Promise.all(sent), [0, 1, 2, 0, 1, 2])
    assert.deepEqual(requests, [
      ['t/0', 't/2', 'u/0', 'u/2'],
      ['t/1', 'u/1'],
    ])
    assert.deepEqual(leaders, [0, 1])
  })

  it('wait for the answer to the one before, and for no other leader', async () => {
    const answers: (() => void)[] = []
    const { joint, requests } = setUp(
      (batches) => new Promise((resolve) => answers.push(() => resolve(batches.map(() => 0)))),
    )
    void joint.send(batch('t', 0))
    await turn()
    for (const [topic, partition] of [
      ['t', 2],
      ['u', 0],
      ['t', 1],
    ] as const)
      void joint.send(batch(topic, partition))
    await turn()
    await turn()
    assert.deepEqual(requests, [['t/0'], ['t/1']])
    answers[0]?.()
    await turn()
    await turn()
    assert.deepEqual(requests, [['t/0'], ['t/1'], ['t/2', 'u/0']])
  })

  it('are no larger than every broker takes', async () => {
    const { joint, requests } = setUp(answer)
    const sizes = [600_000, 300_000, 200_000, 5_000_000, 1]
    await Promise.all(sizes.map((bytes, index) => joint.send(batch('t', 2 * index, bytes))))
    assert.deepEqual(requests, [['t/0', 't/2'], ['t/4'], ['t/6'], ['t/8']])
  })

  it('carry a hundred batches at most, so that the answer comes in time', async () => {
    const { joint, requests } = setUp(answer)
    await Promise.all(Array.from({ length: 250 }, (_, n) => joint.send(batch(`t${n}`, 0))))
    assert.deepEqual(
      requests.map(({ length }) => length),
      [100, 100, 50],
    )
  })

  it('leave a batch alone whose leader is not known', async () => {
    const { joint, requests, leaders } = setUp(answer)
    await Promise.all([joint.send(batch('new', 0)), joint.send(batch('new', 2))])
    assert.deepEqual(requests, [['new/0'], ['new/2']])
    assert.deepEqual(leaders, [undefined, undefined])
  })

  it('that were not answered fail for all, and are not sent again', async () => {
    const { joint, requests } = setUp(() => Promise.reject(new Disconnected()))
    const ended = await Promise.allSettled([joint.send(batch('t', 0)), joint.send(batch('t', 2))])
    assert.deepEqual(
      ended.map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    assert.deepEqual(requests, [['t/0', 't/2']])
  })

  it('have an outcome for each batch; one that was refused goes alone until one of its partition is stored', async () => {
    let isRefused = true
    const { joint, requests } = setUp((batches) =>
      Promise.resolve(
        batches.map(({ partition }) => (isRefused && partition === 2 ? new Refused() : partition)),
      ),
    )
    const sendAll = () =>
      Promise.allSettled(['t', 'u'].map((topic) => [0, 2].map((at) => joint.send(batch(topic, at)))).flat())
    const ended = await sendAll()
    assert.deepEqual(
      ended.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'rejected'],
    )
    assert.deepEqual(requests.splice(0), [['t/0', 't/2', 'u/0', 'u/2']])
    isRefused = false
    await sendAll()
    assert.deepEqual(requests.splice(0), [['t/2'], ['u/2'], ['t/0', 'u/0']])
    await sendAll()
    assert.deepEqual(requests, [['t/0', 't/2', 'u/0', 'u/2']])
  })

  it('that could not be made go out again batch by batch, which wait for no other', async () => {
    const { joint, requests } = setUp((batches) => {
      if (batches.length > 1) return Promise.reject(new Refused())
      return batches[0]?.partition === 2 ? new Promise(() => undefined) : answer(batches)
    })
    void joint.send(batch('t', 2))
    await joint.send(batch('t', 0))
    await joint.send(batch('t', 4))
    assert.deepEqual(requests, [['t/2', 't/0'], ['t/2'], ['t/0'], ['t/4']])
  })
})
