import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { DeliveryTracker, Emission } from '../../../../src/delivery/tracker'
import { RejectOutput } from '../../../../src/postgres/sink/reject-output'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** The flow has stored the record at once. */
const tracker = {
  emit: ({ onSettled }: Emission) => onSettled({ outcome: 'delivered' }),
  abandon: () => undefined,
} as unknown as DeliveryTracker

const output = (): RejectOutput =>
  new RejectOutput({
    tracker,
    refuser: { id: 'sink1', type: 'tenant-postgres-sink' },
    newId: () => 'm1',
    send: () => undefined,
    isWired: () => true,
    mayEnd: false,
    isGateOpen: () => true,
    onChange: () => undefined,
  })

const rejected = [{ record: { payload: 'x' }, reason: { code: '22P02', text: 'why' } }]

describe('rejected records that leave by the output', () => {
  it('leave nothing in memory once the flow has stored them', async () => {
    const rejects = output()
    const deliver = async (times: number): Promise<number> => {
      for (let n = 0; n < times; n++) await rejects.deliver(rejected)
      collectGarbage()
      return process.memoryUsage().heapUsed
    }
    const before = await deliver(1_000)
    const perBatch = ((await deliver(20_000)) - before) / 20_000
    assert.ok(perBatch < 50, `${perBatch.toFixed()} bytes stay for each batch`)
  })

  it('are given up when the node closes', async () => {
    const rejects = output()
    rejects.close()
    await assert.rejects(rejects.deliver(rejected), { code: 'SINK_CLOSED', retryable: true })
  })
})
