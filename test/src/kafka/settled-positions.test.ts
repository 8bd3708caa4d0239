import assert from 'node:assert/strict'
import { SettledPositions } from '../../../src/kafka/settled-positions'
import { until } from '../../support/until'

const partition = (number: number): { topic: string; partition: number } => ({
  topic: 't',
  partition: number,
})

describe('the positions of a consumer', () => {
  it('follow by themselves, all partitions together, the newest of each', async () => {
    const moves: object[] = []
    const positions = new SettledPositions((settled) => Promise.resolve(void moves.push(settled)))
    positions.note(partition(0), 5)
    positions.note(partition(1), 7)
    positions.note(partition(0), 9)
    positions.note(partition(2), 1)
    positions.forget(partition(2))
    await until(() => moves.length > 0)
    assert.deepEqual(moves, [
      [
        { ...partition(0), offset: 9 },
        { ...partition(1), offset: 7 },
      ],
    ])
    await positions.close()
    assert.equal(moves.length, 1)
  })

  it('are moved by the next attempt when the database was away, unless they were moved on or forgotten', async () => {
    let isAway = true
    const moves: object[] = []
    const positions = new SettledPositions((settled) =>
      isAway ? Promise.reject(new Error('away')) : Promise.resolve(void moves.push(settled)),
    )
    for (const number of [0, 1, 2]) positions.note(partition(number), 5)
    await positions.flush()
    isAway = false
    positions.note(partition(1), 6)
    positions.forget(partition(2))
    await positions.close()
    assert.deepEqual(moves, [
      [
        { ...partition(0), offset: 5 },
        { ...partition(1), offset: 6 },
      ],
    ])
  })

  it('are not moved after the consumer has closed', async () => {
    const moves: object[] = []
    const positions = new SettledPositions((settled) => Promise.resolve(void moves.push(settled)))
    await positions.close()
    positions.note(partition(0), 5)
    await positions.flush()
    assert.deepEqual(moves, [])
  })
})
