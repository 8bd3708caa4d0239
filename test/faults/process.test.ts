/** F rows: what can happen to the process of Node-RED, and to the flow in it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ALL_ROWS, faultRow } from './row'
import { Stage, WINDOW } from './stage'

describe('faults of the process', function () {
  this.timeout(120_000)
  let stage: Stage
  before(async () => {
    stage = await Stage.start()
  })
  after(() => stage?.stop())

  const kills = ALL_ROWS ? 20 : 3
  faultRow(
    {
      id: 'F1',
      title: `Node-RED is killed at ${kills} random moments`,
      quick: true,
      repeats: kills * WINDOW,
      timeoutMs: 300_000,
    },
    () => stage,
    async ({ random }) => {
      for (let kill = 1; kill <= kills; kill++) {
        // From the start of the flow on: some kills hit a source that is still connecting.
        await sleep(random() * 3000)
        await stage.nodeRed.kill('SIGKILL')
        await stage.nodeRed.start()
      }
    },
  )
})
