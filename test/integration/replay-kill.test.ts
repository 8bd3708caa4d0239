/** Example 05 in a Node-RED that is killed in the middle of replays: each dead letter becomes one row all the same. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { NodeRed } from '../../dev/node-red'
import { freePort } from '../../dev/services/free-port'
import { createDeadLetterTable, insertDeadLetters } from '../../src/postgres/dead-letters/dead-letter-table'
import { deadLettersOf } from '../../src/dead-letters/dead-letter'
import { exampleFlow } from '../support/pipeline'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { until } from '../support/until'

const LETTERS = 3000
const KILLS = 4
/** Of one statement. */
const CHUNK = 500

describe('a replay that is killed', function () {
  this.timeout(180_000)
  let folder: string
  let test: TestDatabase
  let nodeRed: NodeRed | undefined
  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'tenant-pipeline-replay-'))
    test = await createTestDatabase()
    await test.query(createDeadLetterTable('iot_dead_letters'))
    for (let first = 0; first < LETTERS; first += CHUNK) {
      const letters = Array.from({ length: CHUNK }, (_, at) => letter(first + at)).flat()
      const { text, values } = insertDeadLetters('iot_dead_letters', letters)
      await test.query(text, values)
    }
  })
  after(async () => {
    await nodeRed?.stop()
    await test?.drop()
    rmSync(folder, { recursive: true, force: true })
  })

  const ask = async (sql: string): Promise<number> =>
    Number(Object.values((await test.query<Record<string, string>>(sql))[0] ?? {})[0])
  const stored = (): Promise<number> => ask('select count(*) from iot_repaired').catch(() => 0)

  it(`writes each of ${LETTERS} dead letters once, whenever it is killed`, async () => {
    const flow = exampleFlow('05').map((entry) =>
      entry.type === 'tenant-dead-letter-source' ? { ...entry, limit: LETTERS } : entry,
    )
    const button = flow.find(({ type, name }) => type === 'inject' && String(name).startsWith('replay'))
    nodeRed = await NodeRed.start({
      userDir: folder,
      port: await freePort(),
      env: { DATABASE_URL: test.url },
      flow,
    })
    for (let kill = 0; kill < KILLS; kill++) {
      const before = await stored()
      await nodeRed.inject(button?.id ?? '')
      await until('rows are written', async () => (await stored()) > before)
      await nodeRed.kill('SIGKILL')
      const now = await stored()
      assert.ok(now < LETTERS, `kill ${kill + 1} came too late: ${now} rows`)
      await nodeRed.start()
    }
    await nodeRed.inject(button?.id ?? '')
    await until('all are replayed', async () => (await stored()) >= LETTERS)
    const waiting = 'select count(*) from iot_dead_letters where replayed_at is null'
    await until('all are marked', async () => (await ask(waiting)) === 0)
    assert.equal(await stored(), LETTERS)
    assert.equal(await ask('select count(distinct message_id) from iot_repaired'), LETTERS)
  })
})

function letter(n: number): ReturnType<typeof deadLettersOf> {
  const record = {
    topic: 'rt/t/p/d',
    payload: Buffer.from(`no JSON ${n}`),
    tenant: 't',
    project: 'p',
    messageId: `m${n}`,
    receivedAt: Date.now() - 5000,
    kafka: { clusterId: 'c', topic: 'iot-messages', partition: 0, offset: n, timestamp: Date.now() },
    error: { message: 'why', code: 'TEST', source: { id: 'gone', type: 't' } },
  }
  return deadLettersOf(record, { now: () => Date.now() - 60_000 + n, newId: () => crypto.randomUUID() })
}
