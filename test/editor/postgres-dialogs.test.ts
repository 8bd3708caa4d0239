/** In a real browser: the positions of sinks that are no more are shown in the dialog, and removed after a question. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Browser } from 'playwright-core'
import { launchBrowser } from '../../dev/browser'
import { NodeRed } from '../../dev/node-red'
import { freePort } from '../../dev/services/free-port'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { until } from '../support/until'

describe('the dialogs of the PostgreSQL nodes in the editor', function () {
  this.timeout(180_000)
  let folder: string
  let browser: Browser
  let database: TestDatabase
  let nodeRed: NodeRed
  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'tenant-pipeline-dialogs-'))
    database = await createTestDatabase()
    browser = await launchBrowser()
    nodeRed = await NodeRed.start({
      userDir: folder,
      port: await freePort(),
      env: { DATABASE_URL: database.url },
      flow: [
        { id: 'tab', type: 'tab', label: 'Flow 1' },
        { id: 'db', type: 'tenant-postgres', address: 'url', url: '${DATABASE_URL}' },
        {
          id: 'rows',
          type: 'tenant-postgres-sink',
          z: 'tab',
          x: 200,
          y: 100,
          database: 'db',
          createTable: true,
          retentionDays: 3,
          wires: [[]],
        },
      ],
    })
    await until('the ledger and the table are there', async () => {
      const [found] = await database.query<{ there: boolean }>(
        `select to_regclass('iot_ledger') is not null and to_regclass('iot_messages') is not null as there`,
      )
      return found?.there === true
    })
    await database.query(`insert into iot_ledger (consumer_group, sink, cluster_id, topic, "partition", next_offset)
      select 'g', sink, 'c', 'iot-messages', 0, 5 from unnest(array['rows', 'gone']) as sink`)
  })
  after(async () => {
    await browser?.close()
    await nodeRed?.stop()
    await database?.drop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('show what would be dropped and the left-over positions, and remove these', async () => {
    const page = await browser.newPage({ viewport: { width: 1500, height: 1000 } })
    const scriptErrors: string[] = []
    page.on('pageerror', (error) => scriptErrors.push(error.message))
    await page.goto(nodeRed.editorUrl)
    await page.waitForSelector('.red-ui-flow-node')
    await page.evaluate(`RED.editor.edit(RED.nodes.node('rows'))`)
    await page.locator('#tenant-postgres-sink-ask-outdated').click()
    const outdated = page.locator('#tenant-postgres-sink-outdated')
    await until('the dialog answers', async () => (await outdated.innerText()) !== '')
    assert.match(await outdated.innerText(), /^Nothing: no part of the table is older than 3 days/)
    await page.locator('#node-dialog-cancel').click()

    await page.evaluate(`RED.editor.editConfig('', 'tenant-postgres', 'db')`)
    await page.locator('#tenant-postgres-show-positions').click()
    const place = page.locator('#tenant-postgres-positions')
    await place.getByText('gone').waitFor()
    await place.scrollIntoViewIfNeeded()
    if (process.env.SCREENSHOTS)
      await page.screenshot({ path: path.join(process.env.SCREENSHOTS, 'positions.png') })
    assert.equal(await place.getByRole('button').count(), 1)
    assert.match(await place.locator('tr', { hasText: 'rows' }).innerText(), /deployed/)
    await place.getByRole('button').click()
    const question = page.locator('.red-ui-notification', {
      hasText: 'Remove 1 positions of the sink "gone"',
    })
    await question.waitFor()
    if (process.env.SCREENSHOTS)
      await page.screenshot({ path: path.join(process.env.SCREENSHOTS, 'question.png') })
    await question.getByRole('button', { name: 'Remove' }).click()
    await place.getByText('gone').waitFor({ state: 'detached' })
    const left = await database.query('select sink from iot_ledger')
    assert.deepEqual(left, [{ sink: 'rows' }])
    assert.deepEqual(scriptErrors, [])
  })
})
