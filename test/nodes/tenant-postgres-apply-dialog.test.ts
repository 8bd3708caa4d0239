/** The button "Check the statement" of `tenant-postgres-apply`: what a deployed `tenant-postgres` answers, and to whom. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { NodeRed } from '../../dev/node-red'
import { freePort } from '../../dev/services/free-port'
import { createTestDatabase, type TestDatabase } from '../support/postgres'

const TAKE = 'update stock set quantity = quantity - $2 where article = $1'
const PARAMETERS = 'payload.article, payload.quantity'

interface Answer {
  readonly status: number
  readonly body: { readonly code?: string; readonly message?: string }
}

describe('Check the statement', function () {
  this.timeout(120_000)
  let test: TestDatabase
  let folder: string
  let nodeRed: NodeRed
  before(async () => {
    test = await createTestDatabase()
    await test.query('create table stock (article varchar(20) primary key, quantity integer not null)')
    await test.query("insert into stock values ('bolt', 10)")
    folder = mkdtempSync(path.join(tmpdir(), 'tenant-pipeline-check-'))
  })
  afterEach(async () => {
    await nodeRed.stop()
  })
  after(async () => {
    await test?.drop()
    rmSync(folder, { recursive: true, force: true })
  })

  async function start(permissions: string): Promise<void> {
    const flow = [
      { id: 'tab', type: 'tab', label: 'test' },
      { id: 'db', type: 'tenant-postgres', address: 'url', url: test.url },
      { id: 'wrong', type: 'tenant-postgres', address: 'url', url: 'postgres://canary@127.0.0.1:1/none' },
      { id: 'note', type: 'comment', z: 'tab', name: '', wires: [] },
    ]
    const env = { NODE_RED_PERMISSIONS: permissions }
    nodeRed = await NodeRed.start({ userDir: folder, port: await freePort(), env, flow, replaceFlow: true })
  }
  async function check(body: object, id = 'db'): Promise<Answer> {
    const url = `${nodeRed.editorUrl}/tenant-postgres/${id}/statement`
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
    const text = await response.text()
    return { status: response.status, body: text.startsWith('{') ? (JSON.parse(text) as object) : {} }
  }

  it('answers with the types, or with what PostgreSQL says, and runs nothing', async () => {
    await start('*')
    assert.deepEqual(await check({ statement: TAKE, parameters: PARAMETERS }), {
      status: 200,
      body: {
        parameters: [
          { name: '$1', type: 'text' },
          { name: '$2', type: 'int4' },
        ],
      },
    })
    for (const [statement, parameters, said] of [
      [`${TAKE}; delete from stock`, PARAMETERS, /has to be one statement.*\[42601\]/],
      ['commit', PARAMETERS, /has to be one statement.*\[42601\]/],
      ['update nothere set a = $1, b = $2', PARAMETERS, /relation "nothere" does not exist \[42P01\]/],
      [TAKE, 'payload.article', /has 2 parameters, and the node has values for 1/],
      ['select $1 is null', 'payload', /such as \$1::text \[42P18\]/],
      ['', PARAMETERS, /"statement"/],
      [TAKE, 'payload..x', /payload\.\.x/],
    ] as const) {
      const { status, body } = await check({ statement, parameters })
      assert.equal(status, 409, statement)
      assert.match(body.message ?? '', said)
    }
    assert.deepEqual(await test.query('select * from stock'), [{ article: 'bolt', quantity: 10 }])
  })

  it('says why when the database is not deployed, or cannot be reached', async () => {
    await start('*')
    const { status, body } = await check({ statement: TAKE, parameters: PARAMETERS }, 'nothere')
    assert.deepEqual([status, body.code], [404, 'NOT_DEPLOYED'])
    assert.equal((await check({ statement: TAKE, parameters: PARAMETERS }, 'note')).status, 404)
    const away = await check({ statement: TAKE, parameters: PARAMETERS }, 'wrong')
    assert.equal(away.status, 409)
    assert.match(away.body.message ?? '', /not reachable/)
    assert.doesNotMatch(away.body.message ?? '', /canary@/)
  })

  it('is refused to a user who may only read: a statement of theirs would reach the database', async () => {
    await start('read')
    assert.equal((await check({ statement: TAKE, parameters: PARAMETERS })).status, 401)
  })
})
