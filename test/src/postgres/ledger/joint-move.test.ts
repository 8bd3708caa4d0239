import assert from 'node:assert/strict'
import type { PoolClient } from 'pg'
import { jointMove, ledgerMove, type RangeMove } from '../../../../src/postgres/ledger/position-move'

const LEDGER = { schema: 'public', table: 'iot_ledger' }

function moveOf(topic: string, partition: number): RangeMove {
  const key = { clusterId: 'c', group: 'g', topic, partition, sink: 's' }
  const range = { ...key, firstOffset: 5, nextOffset: 8 }
  return { key, move: ledgerMove(LEDGER, key, range, 5, []), rows: 3 }
}

describe('moving several positions', () => {
  it('sends a statement for each, always in the same order', () => {
    const moves = [moveOf('b', 1), moveOf('a', 2), moveOf('a', 0)]
    const statements = jointMove(moves).statements({ rows: 9, deadLetters: 0 })
    assert.equal(statements.length, 3)
    assert.deepEqual(jointMove([...moves].reverse()).statements({ rows: 9, deadLetters: 0 }), statements)
  })

  it('waits for a connection as its topic does, so that the topic may have all of them', () => {
    assert.equal(jointMove([moveOf('a', 0), moveOf('a', 1)]).lane, 'a')
    assert.equal(jointMove([moveOf('a', 0), moveOf('b', 0)]).lane, '')
  })

  it('is given up when the table has taken another number of rows', async () => {
    const { correct } = jointMove([moveOf('a', 0), moveOf('a', 1)])
    const client = undefined as unknown as PoolClient
    const expected = { rows: 6, deadLetters: 0 }
    await correct(client, expected, expected)
    await assert.rejects(correct(client, expected, { rows: 5, deadLetters: 0 }), { code: 'EACH_ALONE' })
  })
})
