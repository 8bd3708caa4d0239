import assert from 'node:assert/strict'
import { Turns } from '../../../../src/postgres/connect/turns'

describe('turns for connections', () => {
  /** Starts what asks for a turn; `order` grows as they get it. */
  function queueOf(places: number): {
    order: string[]
    ask: (lane: string) => void
    end: (lane: string) => Promise<void>
  } {
    const turns = new Turns(places)
    const order: string[] = []
    const running: [string, () => void][] = []
    return {
      order,
      ask: (lane) =>
        void turns.take(lane).then((end) => {
          order.push(lane)
          running.push([lane, end])
        }),
      end: async (lane) => {
        const at = running.findIndex(([name]) => name === lane)
        assert.notEqual(at, -1, `${lane} has no turn`)
        running.splice(at, 1)[0]?.[1]()
        await new Promise(setImmediate)
      },
    }
  }
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

  it('go round by topic, however many of one topic were there first', async () => {
    const { order, ask, end } = queueOf(1)
    for (let n = 0; n < 4; n++) ask('flood')
    for (const lane of ['a', 'b', 'a']) ask(lane)
    await settled()
    for (const lane of ['flood', 'a', 'b', 'flood', 'a', 'flood']) await end(lane)
    assert.deepEqual(order, ['flood', 'a', 'b', 'flood', 'a', 'flood', 'flood'])
  })

  it('are all for the one topic there is', async () => {
    const { order, ask } = queueOf(3)
    for (let n = 0; n < 5; n++) ask('only')
    await settled()
    assert.equal(order.length, 3)
  })

  it('leave a place free for the others while there are any', async () => {
    const { order, ask, end } = queueOf(3)
    ask('a')
    await settled()
    await end('a')
    for (let n = 0; n < 5; n++) ask('flood')
    await settled()
    assert.deepEqual(order, ['a', 'flood', 'flood'])
    ask('a')
    await settled()
    assert.deepEqual(order, ['a', 'flood', 'flood', 'a'])
  })

  it('are all for one topic again when the others have had none for long', async () => {
    const { order, ask, end } = queueOf(2)
    ask('a')
    await settled()
    await end('a')
    for (let n = 0; n < 256; n++) {
      ask('flood')
      await settled()
      await end('flood')
    }
    order.length = 0
    ask('flood')
    ask('flood')
    await settled()
    assert.deepEqual(order, ['flood', 'flood'])
  })
})
