import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { PoolClient } from 'pg'
import { commit } from '../../../../src/postgres/connect/commit'

/** A connection that answers `commit` in a given way. */
function answering(answer: (client: EventEmitter) => { command: string }): PoolClient {
  const client = new EventEmitter()
  return Object.assign(client, {
    query: () => Promise.resolve().then(() => answer(client)),
  }) as unknown as PoolClient
}
const committed = { command: 'COMMIT' }
const warned =
  (routine: string) =>
  (client: EventEmitter): { command: string } => {
    client.emit('notice', { code: '01000', severity: 'WARNUNG', message: 'in any language', routine })
    return committed
  }
const failing = (error: object) => (): never => {
  throw Object.assign(new Error('failed'), error)
}

describe('COMMIT', () => {
  const unconfirmed: Record<string, [PoolClient, string]> = {
    'that PostgreSQL turns into a ROLLBACK': [answering(() => ({ command: 'ROLLBACK' })), 'ROLLBACK'],
    'whose wait for a standby was ended': [answering(warned('SyncRepWaitForLSN')), 'NOT_REPLICATED'],
    'that is not answered in time': [answering(failing({ message: 'Query read timeout' })), 'NO_ANSWER'],
    'in which the connection is lost': [answering(failing({ code: 'ECONNRESET' })), 'ECONNRESET'],
  }
  for (const [what, [client, sqlState]] of Object.entries(unconfirmed)) {
    it(`${what} confirms nothing, and is tried again`, async () => {
      await assert.rejects(commit(client, 'writing'), { sqlState, kind: 'transient', retryable: true })
      assert.equal(client.listenerCount('notice'), 0)
    })
  }

  it('confirms, whatever else PostgreSQL remarks', async () => {
    await commit(
      answering(() => committed),
      'writing',
    )
    await commit(answering(warned('ProcedureCreate')), 'writing')
  })
})
