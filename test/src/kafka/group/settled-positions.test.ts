import assert from 'node:assert/strict'
import { SettledPositions } from '../../../../src/kafka/group/settled-positions'
import type { SettledOffset } from '../../../../src/wire/positions'
import { until } from '../../../support/until'

const partition = (number: number): { topic: string; partition: number } => ({
  topic: 't',
  partition: number,
})

const settled = (number: number, offset: number): SettledOffset => ({
  ...partition(number),
  offset,
  lastTimestamp: undefined,
})

describe('the positions of a consumer', () => {
  it('follow by themselves, all partitions together, the newest of each', async () => {
    const moves: object[] = []
    const positions = new SettledPositions((moved) => Promise.resolve(void moves.push(moved)))
    positions.note(settled(0, 5))
    positions.note(settled(1, 7))
    positions.note(settled(0, 9))
    positions.note(settled(2, 1))
    positions.forget(partition(2))
    await until(() => moves.length > 0)
    assert.deepEqual(moves, [[settled(0, 9), settled(1, 7)]])
    await positions.close()
    assert.equal(moves.length, 1)
  })

  it('are moved by the next attempt when the database was down, unless they were moved or forgotten', async () => {
    let isAway = true
    const moves: object[] = []
    const positions = new SettledPositions((moved) =>
      isAway ? Promise.reject(new Error('away')) : Promise.resolve(void moves.push(moved)),
    )
    for (const number of [0, 1, 2]) positions.note(settled(number, 5))
    await positions.flush()
    isAway = false
    positions.note(settled(1, 6))
    positions.forget(partition(2))
    await positions.close()
    assert.deepEqual(moves, [[settled(0, 5), settled(1, 6)]])
  })

  it('are not moved after the consumer has closed', async () => {
    const moves: object[] = []
    const positions = new SettledPositions((moved) => Promise.resolve(void moves.push(moved)))
    await positions.close()
    positions.note(settled(0, 5))
    await positions.flush()
    assert.deepEqual(moves, [])
  })
})
