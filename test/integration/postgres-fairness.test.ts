import assert from 'node:assert/strict'
import type { ClientBase } from 'pg'
import type { RowWriter } from '../../src/postgres/write/row-writer'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { copyWriter, ledgerKey, openDatabase, openWriter, range, record } from '../support/sink'

describe('connections of the PostgreSQL sink', () => {
  let database: TestDatabase
  beforeEach(async () => {
    database = await createTestDatabase()
  })
  afterEach(() => database.drop())

  it('are given out by topic, so that a topic with many partitions in the queue does not hold up another', async () => {
    const connection = openDatabase(database.url, { poolSize: 1 })
    const order: string[] = []
    let goOn = (): void => undefined
    const stopped = new Promise<void>((resolve) => (goOn = resolve))
    const recording: RowWriter = {
      write: async (client: ClientBase, rows: Buffer, count: number) => {
        if (order.length === 0) await stopped
        order.push(/\t(flood|quiet)\t/.exec(rows.toString())?.[1] ?? '?')
        return copyWriter().write(client, rows, count)
      },
    }
    const writer = await openWriter(connection, { writer: recording })
    const write = async (topic: string, partition: number): Promise<unknown> => {
      const kafka = { topic, partition, offset: 0, timestamp: Date.now(), headers: {} }
      const key = { ...ledgerKey, topic, partition }
      return writer.writeRange(key, { ...range(0, 1, partition), topic }, [record(0, { kafka })])
    }
    const flood = [0, 1, 2, 3, 4].map((partition) => write('flood', partition))
    const quiet = write('quiet', 0)
    goOn()
    await Promise.all([...flood, quiet])
    await connection.close(0)
    assert.ok(order.indexOf('quiet') <= 1, order.join())
  })
})
