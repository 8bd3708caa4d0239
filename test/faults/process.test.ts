/** F rows: what can happen to the process of Node-RED, and to the flow in it. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FlowEntry, NodeRed } from '../../dev/node-red'
import { until } from '../support/until'
import { codesOf, distance, endsOf, ledgerOf, postgresOf, secondLegOf } from './consumer-faults'
import { idIn } from './oracle'
import { HeldMoves } from './postgres-meddler'
import { ALL_ROWS, faultRow } from './row'
import { Stage, WINDOW } from './stage'

describe('faults of the process', function () {
  this.timeout(120_000)
  let stage: Stage
  before(async () => {
    // What a sink is writing has to outlive the freeze of F6: otherwise it starts over, and reads the ledger first.
    stage = await Stage.start({
      secondLeg: true,
      change: { 'tenant-postgres': { statementTimeoutMs: 300_000 } },
    })
  })
  afterEach(() => stage.healNetwork())
  after(() => stage?.stop())

  const kills = ALL_ROWS ? 20 : 3
  faultRow(
    {
      id: 'F1',
      title: `Node-RED is killed at ${kills} random moments`,
      quick: true,
      // What comes in while Node-RED starts, twenty times, has to drain within the limit on a busy machine as well.
      rate: 300,
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

  faultRow(
    {
      id: 'F2',
      title: 'Node-RED is killed between the answer of Kafka and the PUBACK',
      mode: 'message',
      quick: true,
      repeats: 'window',
      repeatsAtLeast: 1,
    },
    () => stage,
    async ({ publisher, name }) => {
      stage.mqttProxy.set({ blackHole: 'up' })
      const before = (await stage.records()).length
      await until('a record is in Kafka whose PUBACK is swallowed', async () => {
        const fresh = (await stage.records()).slice(before)
        return fresh.some((record) => idIn(record)?.startsWith(name)) && stage.mqttProxy.swallowedBytes > 0
      })
      publisher.setRate(0)
      await stage.nodeRed.kill('SIGKILL')
      stage.healNetwork()
      publisher.setRate(500)
      await stage.nodeRed.start()
    },
  )

  faultRow(
    { id: 'F5', title: 'Node-RED is asked to shut down under load, and drains', quick: true },
    () => stage,
    async () => {
      await stage.nodeRed.kill('SIGTERM')
      assert.doesNotMatch(stage.nodeRed.logTail(), /Close timed out/, 'a node was not closed within 15 s')
      await stage.nodeRed.start()
    },
  )

  faultRow(
    { id: 'F6', title: 'Node-RED freezes for 5 s', repeats: 'window', timeoutMs: 300_000 },
    () => stage,
    async () => {
      await stage.nodeRed.freeze()
      await sleep(5000)
      stage.nodeRed.thaw()
    },
  )

  for (const seconds of [40, 120]) {
    faultRow(
      {
        id: 'F6',
        title: `Node-RED freezes for ${seconds} s while it writes, another writes these rows, and it resumes: fenced off`,
        repeats: 'window',
        rate: seconds > 100 ? 200 : 500,
        timeoutMs: 300_000,
      },
      () => stage,
      async (run) => {
        const postgres = postgresOf(stage)
        const moves = new HeldMoves()
        let second: NodeRed | undefined
        try {
          postgres.proxy.rewrite = moves.rewrite
          postgres.proxy.reset()
          await postgres.untilMoreRows(1)
          moves.hold()
          // BEGIN travels with the move, so that a transaction which is held has not begun yet.
          await until('all that the sink writes is about to move a position', async () => {
            return moves.held > 0 && (await postgres.openTransactions()) === 0
          })
          const frozenAt = Date.now()
          await stage.nodeRed.freeze()
          // The connections of the second are not held.
          postgres.proxy.rewrite = undefined
          second = await stage.startSecondNodeRed(secondLegOf(stage.flow))
          await until(
            () => `the second has written all that is in Kafka\n${second?.logTail()}`,
            async () => distance(await endsOf(stage), await ledgerOf(stage)) === 0,
          )
          await sleep(Math.max(0, frozenAt + seconds * 1000 - Date.now()))
          const codes = codesOf(stage.nodeRed)
          stage.nodeRed.thaw()
          moves.release()
          run.healed()
          await until(
            () =>
              `the ledger refuses what the first was writing: ${codes.join(', ')}\n${stage.nodeRed.logTail()}`,
            () => codes.includes('LEDGER_MOVED'),
          )
        } finally {
          postgres.proxy.rewrite = undefined
          moves.release()
          await second?.stop()
          if (second !== undefined) rmSync(second.userDir, { recursive: true })
        }
      },
    )
  }

  faultRow(
    { id: 'F7', title: 'a Function node blocks the event loop for 20 s', repeats: 'window' },
    () => stage,
    async () => {
      await stage.nodeRed.deploy(
        withFunction(
          'const end = Date.now() + 20000; while (Date.now() < end); node.warn("the loop is free again")',
        ),
        'flows',
      )
      await pressButton()
      await until('the loop was blocked', () => stage.nodeRed.logTail().includes('the loop is free again'))
    },
  )

  faultRow(
    {
      id: 'F9',
      title: 'a foreign node throws uncaught, and Node-RED exits',
      repeats: 'window',
      // So that the order of what comes again is judged as well: with QoS 2 beside it, an old Mosquitto may change it.
      qos: 1,
    },
    () => stage,
    async () => {
      await stage.nodeRed.deploy(
        withFunction('(async () => { throw new Error("nothing catches this") })()'),
        'flows',
      )
      const { exited } = stage.nodeRed
      await pressButton(() => exited.aborted)
      await until('Node-RED has ended', () => exited.aborted)
      await stage.nodeRed.start()
    },
  )

  faultRow(
    { id: 'F10', title: 'the whole flow is deployed 10 times under load', mode: 'message', quick: true },
    () => stage,
    async ({ publisher }) => {
      for (let deploy = 0; deploy < 10; deploy++) {
        await stage.nodeRed.deploy(stage.flow, 'full')
        await publisher.untilMore(200)
      }
    },
  )

  faultRow(
    { id: 'F11', title: 'the producer alone is deployed 10 times under load' },
    () => stage,
    async ({ publisher }) => {
      for (let deploy = 0; deploy < 10; deploy++) {
        const flow = stage.flow.map((entry) =>
          entry.type === 'tenant-kafka-producer' ? { ...entry, name: `deploy ${deploy}` } : entry,
        )
        await stage.nodeRed.deploy(flow, 'nodes')
        await publisher.untilMore(200)
      }
    },
  )

  faultRow(
    {
      id: 'F12',
      title: 'a deploy while Kafka does not answer: the old instance is cut off before the new one connects',
      repeats: 'window',
    },
    () => stage,
    async () => {
      const logged = stage.mqtt.readLog().length
      for (const proxy of stage.kafkaProxies) proxy.set({ blackHole: true })
      await stage.untilStatus(
        'tenant-kafka-producer',
        'says that Kafka is away',
        ({ fill }) => fill !== 'green',
      )
      await stage.nodeRed.deploy(stage.flow, 'full')
      await stage.untilStatus(
        'tenant-kafka-producer',
        'runs again, without Kafka',
        ({ fill }) => fill !== 'green',
      )
      assert.doesNotMatch(stage.nodeRed.logTail(), /Close timed out/, 'a node was not closed within 15 s')
      assert.doesNotMatch(
        stage.mqtt.readLog().slice(logged),
        /already connected/,
        'two connections with one client id',
      )
      stage.healNetwork()
    },
  )

  faultRow(
    {
      id: 'F14',
      title:
        'two Node-REDs with one MQTT client ID: the one that is disconnected says so and leaves the other alone, and nothing is lost',
      repeats: 20 * WINDOW,
    },
    () => stage,
    async () => {
      const second = await stage.startSecondNodeRed()
      const source = stage.flow.find(({ type }) => type === 'tenant-mqtt-source')?.id ?? ''
      const shown = ({ statuses }: NodeRed): string => {
        const { fill = '', text = '' } = statuses.get(source) ?? {}
        return `${fill} ${text}`
      }
      // Mosquitto 2.0.11 gives no reason when it disconnects a client. So it is suspected, by the one that was
      // disconnected most often.
      const leaves = (one: NodeRed, other: NodeRed): boolean =>
        /^red .*client ID/.test(shown(one)) && /^(green|yellow) .*\/s · /.test(shown(other))
      await until(
        () =>
          `one says that its client id is in use, the other works: ${shown(stage.nodeRed)}, ${shown(second)}`,
        () => leaves(stage.nodeRed, second) || leaves(second, stage.nodeRed),
      )
      await second.stop()
      rmSync(second.userDir, { recursive: true })
      await stage.nodeRed.deploy(stage.flow, 'full')
    },
  )

  /** Starts the Function node; its answer may get lost in what the node does. */
  function pressButton(hasWorked: () => boolean = () => false): Promise<void> {
    return until('the button is pressed', () =>
      stage.nodeRed.inject('fault-inject').then(
        () => true,
        () => hasWorked(),
      ),
    )
  }

  /** The flow, and a Function node after an Inject node. */
  function withFunction(code: string): FlowEntry[] {
    const tab = 'fault-tab'
    return [
      ...stage.flow,
      { id: tab, type: 'tab', label: 'fault' },
      {
        id: 'fault-inject',
        type: 'inject',
        z: tab,
        props: [],
        repeat: '',
        crontab: '',
        once: false,
        wires: [['fault']],
      },
      { id: 'fault', type: 'function', z: tab, func: code, outputs: 0, wires: [] },
    ]
  }
})
