import assert from 'node:assert/strict'
import type { BrokerSettings } from '../../../../src/mqtt/connect/broker-settings'
import { ClientIds } from '../../../../src/mqtt/loss/client-ids'
import { clientIdOf } from '../../../../src/mqtt/source'

const noWait = (): never => assert.fail('it is free')
const never = new AbortController().signal

describe('client ids', () => {
  it('are handed over when the old instance lets go, with what is known of the session', async () => {
    const ids = new ClientIds()
    const old = await ids.claim('id', 'node', never, noWait)
    old.memory.lastConnectedMs = 5
    let waitedFor = ''
    const next = ids.claim('id', 'node', never, (owner) => (waitedFor = owner))
    old.release()
    old.release()
    assert.equal((await next).memory.lastConnectedMs, 5)
    assert.equal(waitedFor, 'node')
  })

  it('are the same at each start, and different for each source', () => {
    const broker = { clientId: 'plant' } as BrokerSettings
    const idOf = (nodeId: string, clientId = ''): string => clientIdOf({ nodeId, clientId }, broker)
    assert.equal(idOf('a'), 'plant-a')
    assert.equal(idOf('a'), idOf('a'))
    assert.notEqual(idOf('a'), idOf('b'))
    assert.equal(idOf('a', 'own'), 'own')
    assert.equal(
      clientIdOf({ nodeId: 'a', clientId: '' }, { ...broker, clientId: '' }),
      '',
      'safe mode refuses that',
    )
  })

  it('go to those that wait, in turn', async () => {
    const ids = new ClientIds()
    const order: string[] = []
    const first = await ids.claim('id', 'a', never, noWait)
    const rest = ['b', 'c'].map(async (owner) => {
      const claim = await ids.claim('id', owner, never, () => undefined)
      order.push(owner)
      claim.release()
    })
    first.release()
    await Promise.all(rest)
    assert.deepEqual(order, ['b', 'c'])
  })

  it('are not given to one that has stopped waiting', async () => {
    const ids = new ClientIds()
    const first = await ids.claim('id', 'a', never, noWait)
    const leaving = new AbortController()
    const left = ids.claim('id', 'b', leaving.signal, () => undefined)
    const stays = ids.claim('id', 'c', never, () => undefined)
    leaving.abort(new Error('closed'))
    await assert.rejects(left, /closed/)
    first.release()
    ;(await stays).release()
    await ids.claim('id', 'd', never, noWait)
  })

  it('are free of each other', async () => {
    const ids = new ClientIds()
    await ids.claim('one', 'a', never, noWait)
    await ids.claim('other', 'b', never, noWait)
  })
})
