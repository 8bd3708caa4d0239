import assert from 'node:assert/strict'
import type { ConsumedBatch, TopicPartition } from '../../../../src/kafka/driver'
import { Lag } from '../../../../src/kafka/consume/lag'
import { LagWatch } from '../../../../src/kafka/consume/lag-watch'

const partition = (number: number): TopicPartition => ({ topic: 't', partition: number })

function batch(number: number, nextOffset: number, highWatermark: number, timestamp: number): ConsumedBatch {
  const records = [{ offset: nextOffset - 1, timestamp }]
  return { ...partition(number), records, nextOffset, highWatermark } as unknown as ConsumedBatch
}

describe('the lag of a consumer', () => {
  it('is what Kafka has after what was handed over, in all partitions together', () => {
    const lag = new Lag()
    lag.note(batch(0, 10, 15, 0))
    lag.note(batch(1, 10, 10, 0))
    assert.equal(lag.total, 5)
    lag.unread = 7
    assert.equal(lag.total, 12)
  })

  it('grows while a partition is held up, and records come', () => {
    const lag = new Lag()
    lag.note(batch(0, 10, 10, 0))
    lag.noteEnd(partition(0), 30)
    assert.equal(lag.total, 20)
    lag.noteEnd(partition(9), 30)
    assert.equal(lag.total, 20, 'nothing of a partition that is not ours')
  })

  it('has the age of the last record, of the partition that is furthest behind', () => {
    const lag = new Lag()
    lag.note(batch(0, 10, 12, 4_000))
    lag.note(batch(1, 10, 12, 1_000))
    lag.note(batch(2, 10, 10, 0))
    assert.equal(lag.ageMs(5_000), 4_000, 'a partition without lag is not behind')
    lag.forget(partition(1))
    assert.equal(lag.ageMs(5_000), 1_000)
  })
})

describe('a look after the lag', () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

  it('asks for partitions that are held up, now and then, and for other ones each time', async () => {
    const asked: number[] = []
    const watch = new LagWatch({
      ask: (of) => {
        asked.push(of.partition)
        return Promise.resolve({ earliest: 0, latest: 1 })
      },
      onEnd: () => undefined,
    })
    const stalled = Array.from({ length: 30 }, (_, number) => partition(number))
    watch.look(0, [])
    watch.look(0, stalled)
    await turn()
    assert.deepEqual(asked.splice(0), [...Array(20).keys()])
    watch.look(1_000, stalled)
    await turn()
    assert.deepEqual(asked, [], 'not again so soon')
    watch.look(10_000, stalled)
    await turn()
    assert.deepEqual(new Set(asked).size, 20)
    assert.deepEqual(
      asked.slice(0, 10),
      stalled.slice(20).map(({ partition: number }) => number),
    )
  })

  it('gives up quietly when Kafka does not answer, and asks again later', async () => {
    let attempts = 0
    const watch = new LagWatch({
      ask: () => {
        attempts++
        return Promise.reject(new Error('away'))
      },
      onEnd: () => assert.fail('there is no answer'),
    })
    watch.look(0, [partition(0), partition(1)])
    await turn()
    watch.look(10_000, [partition(0), partition(1)])
    await turn()
    assert.equal(attempts, 2)
  })
})
