/**
 * In a real browser: the columns of a sink are a list; the positions of sinks that are no more are shown in the
 * dialog, and removed after a question.
 */
import assert from 'node:assert/strict'
import type { Locator, Page } from 'playwright-core'
import { defaultColumns, readColumns, type Column } from '../../src/postgres/rows/columns'
import { closeDialog, openDialog } from '../../dev/dialog'
import { addRow, cell, row, rows, shownRows, sourceField } from '../support/columns-list'
import { fresh, picture, TestEditor } from '../support/editor'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { until } from '../support/until'

/** As a user has typed it, with a line for each column; `unit` is a property that the list does not know. */
const BY_HAND = `[
  { "from": "time", "column": "at" },
  { "column": "degrees", "from": "payload.values.0", "type": "double precision", "unit": "°C" },
  { "column": "clock", "from": "timeSource" }
]`

describe('the dialogs of the PostgreSQL nodes in the editor', function () {
  this.timeout(180_000)
  let database: TestDatabase
  let editor: TestEditor
  before(async () => {
    database = await createTestDatabase()
    const drawn = { z: 'tab', x: 200, y: 100, database: 'db', wires: [[]] }
    editor = await TestEditor.start(
      [
        { id: 'tab', type: 'tab', label: 'Flow 1' },
        fresh('tenant-postgres', { id: 'db', address: 'url', url: '${DATABASE_URL}' }),
        fresh('tenant-postgres-sink', { ...drawn, id: 'rows' }),
        fresh('tenant-postgres-sink', { ...drawn, id: 'mapped', y: 200, table: 'mapped', columns: BY_HAND }),
        {
          id: 'inject',
          type: 'inject',
          z: 'tab',
          x: 200,
          y: 300,
          props: [{ p: 'payload' }, { p: 'tenant', v: 'acme', vt: 'str' }],
          payload: '{"values":[21.5],"state":"on"}',
          payloadType: 'json',
          repeat: '',
          crontab: '',
          wires: [['mapped']],
        },
      ],
      { DATABASE_URL: database.url },
    )
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
    await editor?.stop()
    await database?.drop()
  })

  it('show what would be dropped and the orphaned positions, and remove these', async () => {
    const page = await editor.open()
    await openDialog(page, 'rows')
    await page.locator('#tenant-postgres-sink-ask-outdated').click()
    const outdated = page.locator('#tenant-postgres-sink-outdated')
    await until('the dialog answers', async () => (await outdated.innerText()) !== '')
    assert.match(await outdated.innerText(), /^Nothing: no part of the table is older than 3 days/)
    await closeDialog(page, 'cancel')

    await openDialog(page, 'db')
    await page.locator('summary', { hasText: 'Ledger' }).click()
    await page.locator('#tenant-postgres-show-positions').click()
    const place = page.locator('#tenant-postgres-positions')
    await place.getByText('gone').waitFor()
    await place.scrollIntoViewIfNeeded()
    await picture(page, 'positions')
    assert.equal(await place.getByRole('button').count(), 1)
    assert.match(await place.locator('tr', { hasText: 'rows' }).innerText(), /deployed/)
    await place.getByRole('button').click()
    const question = page.locator('.red-ui-notification', {
      hasText: 'Remove 1 positions of the sink "gone"',
    })
    await question.waitFor()
    await picture(page, 'question')
    await question.getByRole('button', { name: 'Remove' }).click()
    await place.getByText('gone').waitFor({ state: 'detached' })
    const left = await database.query('select sink from iot_ledger')
    assert.deepEqual(left, [{ sink: 'rows' }])
  })

  describe('the columns of the sink', () => {
    it('are rows for a mapping that was written by hand, which stays as it was written', async () => {
      const page = await editor.open()
      await openSink(page, 'mapped')
      assert.deepEqual(await shownRows(page), [
        ['at', 'time of the row', ''],
        ['degrees', 'msg.payload.values.0', 'double precision'],
        ['clock', 'origin of the time', ''],
      ])
      assert.deepEqual(await placeholders(page), ['timestamptz not null', 'text', 'text'])
      await screenshot(page, 'columns')
      await closeDialog(page, 'ok')
      assert.equal(await columnsOf(page, 'mapped'), BY_HAND)
      assert.equal(await page.evaluate(`RED.nodes.node('mapped').changed === true`), false)
    })

    it('are added, changed, sorted and removed, and what is deployed then is what rows are made of', async () => {
      const page = await editor.open()
      await openSink(page, 'mapped')
      await row(page, 2).locator('.red-ui-editableList-item-remove').click()
      await until('the row is gone', async () => (await rows(page).count()) === 2)
      await addRow(page, 'tenant_id', 'tenant')
      await addRow(page, 'state', 'payload["state"]', 'varchar(20)')
      await addRow(page, 'first', 'payload.values[0]', 'numeric')
      await chooseSource(row(page, 4), 'time of the row')
      await chooseSource(row(page, 4), 'msg.')
      await addRow(page, 'stored_as', 'timeSource')
      await drag(page, 3, 1)
      await screenshot(page, 'columns-changed')
      assert.deepEqual(await shownRows(page), [
        ['at', 'time of the row', ''],
        ['state', 'msg.payload.state', 'varchar(20)'],
        ['degrees', 'msg.payload.values.0', 'double precision'],
        ['tenant_id', 'msg.tenant', ''],
        ['first', 'msg.payload.values.0', 'numeric'],
        ['stored_as', 'origin of the time', ''],
      ])
      assert.equal(await faults(page).isVisible(), false)
      await field(page, 'table').fill('mapped_2')
      await closeDialog(page, 'ok')
      await page.locator('#red-ui-header-button-deploy').click()
      await until('the new columns are deployed', async () => (await deployed('mapped')) !== BY_HAND)
      assert.deepEqual(JSON.parse(await deployed('mapped')), [
        { from: 'time', column: 'at' },
        { column: 'state', from: 'payload.state', type: 'varchar(20)' },
        { column: 'degrees', from: 'payload.values.0', type: 'double precision', unit: '°C' },
        { column: 'tenant_id', from: 'tenant' },
        { column: 'first', from: 'payload.values.0', type: 'numeric' },
        { column: 'stored_as', from: 'timeSource' },
      ])
      await until('the sink has made the table', async () => {
        const [found] = await database.query<{ there: boolean }>(
          `select to_regclass('mapped_2') is not null as there`,
        )
        return found?.there === true
      })
      await editor.nodeRed.inject('inject')
      const stored = (): Promise<object[]> =>
        database.query('select state, degrees, tenant_id, first::text, stored_as from mapped_2')
      await until('the row is there', async () => (await stored()).length === 1)
      assert.deepEqual(await stored(), [
        { state: 'on', degrees: 21.5, tenant_id: 'acme', first: '21.5', stored_as: 'arrival' },
      ])
      await openSink(page, 'mapped')
      assert.equal((await shownRows(page)).length, 6)
    })

    it('are the default columns while there are no rows, and rows can start from these', async () => {
      const page = await editor.open()
      await openSink(page, 'rows')
      assert.match(await page.locator('#tenant-postgres-sink-columns-default').innerText(), /default columns/)
      assert.equal(await faults(page).isVisible(), false)
      await screenshot(page, 'columns-default')
      await closeDialog(page, 'ok')
      assert.equal((await columnsOf(page, 'rows')) ?? '', '')

      const written = (columns: readonly Column[]): Omit<Column, 'optional'>[] =>
        columns.map(({ name, source, type }) => ({ name, source, type }))
      for (const timeProperty of ['', 'payload.at']) {
        await openSink(page, 'rows')
        await page.locator('summary', { hasText: 'Payload and time' }).click()
        await field(page, 'timeProperty').fill(timeProperty)
        await page.getByRole('button', { name: 'start from the default columns' }).click()
        await screenshot(page, 'columns-filled')
        await closeDialog(page, 'ok')
        const saved = (await columnsOf(page, 'rows')) as string
        assert.deepEqual(readColumns(saved, 'jsonb'), written(defaultColumns('jsonb', timeProperty !== '')))

        await openSink(page, 'rows')
        for (let left = await rows(page).count(); left > 0; left--) {
          await row(page, 0).locator('.red-ui-editableList-item-remove').click()
          await until('the row is gone', async () => (await rows(page).count()) === left - 1)
        }
        await closeDialog(page, 'ok')
        assert.equal(await columnsOf(page, 'rows'), '')
      }
    })

    it('are shown as wrong, each row with its reason', async () => {
      const page = await editor.open()
      await openSink(page, 'rows')
      await addRow(page, 'a', 'topic')
      await addRow(page, '', 'tenant')
      await addRow(page, 'a', 'project')
      await addRow(page, 'b', '')
      await addRow(page, '1c', 'payload..x', 'integer; drop table x')
      assert.deepEqual((await faults(page).innerText()).split('\n'), [
        'Row 2: the column has no name.',
        'Row 3 (a): a row above already has a column of this name.',
        'Row 4 (b): the column has no source.',
        'Row 5: a column name has letters, digits and underscores, at most 63, and does not start with a digit.',
        'Row 5: the source is not a property path, such as payload.values.0.',
        'Row 5: this is not a type name, such as double precision.',
      ])
      const marked = await Promise.all(
        [0, 1, 2, 3, 4].map((index) => row(page, index).locator('input[type=text].input-error').count()),
      )
      assert.deepEqual(marked, [0, 1, 1, 0, 2])
      assert.equal(await rows(page).locator('.red-ui-typedInput-container.input-error').count(), 2)
      await screenshot(page, 'columns-wrong')
      await closeDialog(page, 'ok')
      assert.equal(await page.evaluate(`RED.nodes.node('rows').valid`), false)
      const said = await page.evaluate<string>(`RED.nodes.node('rows').validationErrors[0]`)
      assert.match(said, /^Columns: Row 2: the column has no name\.; Row 3 \(a\)/)

      await openSink(page, 'rows')
      await cell(row(page, 1), 'Column').fill('t')
      await cell(row(page, 2), 'Column').fill('p')
      await sourceField(row(page, 3)).fill('device')
      await cell(row(page, 4), 'Column').fill('c')
      await sourceField(row(page, 4)).fill('payload.x')
      await cell(row(page, 4), 'Type').fill('')
      assert.equal(await faults(page).isVisible(), false)
      await closeDialog(page, 'ok')
      assert.equal(await page.evaluate(`RED.nodes.node('rows').valid`), true)
      assert.equal(
        await columnsOf(page, 'rows'),
        '[{"column":"a","from":"topic"},{"column":"t","from":"tenant"},{"column":"p","from":"project"},' +
          '{"column":"b","from":"device"},{"column":"c","from":"payload.x"}]',
      )
    })

    it('that no list can show stay text: broken JSON, an environment variable', async () => {
      const page = await editor.open()
      const text = field(page, 'columns')
      for (const broken of [
        '[{"column": "a", "from": "topic"',
        '{"column": "a"}',
        '[1]',
        '[{"column": 1}]',
      ]) {
        await page.evaluate(`RED.nodes.node('rows').columns = ${JSON.stringify(broken)}`)
        await openSink(page, 'rows')
        assert.equal(await text.inputValue(), broken)
        assert.match(
          await faults(page).innerText(),
          /not a JSON list of columns|Row 1: the column has no name|a column name has/,
        )
        await page.getByRole('button', { name: 'edit as a list' }).click()
        assert.ok(await text.isVisible(), 'it cannot become a list')
        await closeDialog(page, 'ok')
        assert.equal(await columnsOf(page, 'rows'), broken)
        assert.equal(await page.evaluate(`RED.nodes.node('rows').valid`), false)
      }
      await openSink(page, 'rows')
      await screenshot(page, 'columns-text')
      await text.fill('[{"column": "a", "from": "topic"}]')
      await page.getByRole('button', { name: 'edit as a list' }).click()
      assert.deepEqual(await shownRows(page), [['a', 'msg.topic', '']])
      await page.getByRole('button', { name: 'edit as JSON' }).click()
      assert.equal(await text.inputValue(), '[{"column": "a", "from": "topic"}]')
      await text.fill('${COLUMNS}')
      assert.equal(await faults(page).isVisible(), false)
      await closeDialog(page, 'ok')
      await openSink(page, 'rows')
      assert.equal(await text.inputValue(), '${COLUMNS}')
      await closeDialog(page, 'ok')
      assert.equal(await columnsOf(page, 'rows'), '${COLUMNS}')
      assert.equal(await page.evaluate(`RED.nodes.node('rows').valid`), true)
    })

    it('are a list also where the flow file has the list itself', async () => {
      const page = await editor.open()
      await page.evaluate(`RED.nodes.node('rows').columns = [{ column: 'a', from: 'topic' }]`)
      await openSink(page, 'rows')
      assert.deepEqual(await shownRows(page), [['a', 'msg.topic', '']])
      await closeDialog(page, 'ok')
      assert.equal(await columnsOf(page, 'rows'), '[{"column":"a","from":"topic"}]')
    })
  })

  async function openSink(page: Page, id: string): Promise<void> {
    await openDialog(page, id)
    await page.locator('label[for=node-input-columns]').scrollIntoViewIfNeeded()
  }
  async function screenshot(page: Page, name: string): Promise<void> {
    await page.evaluate(`$('label[for=node-input-columns]')[0].scrollIntoView()`)
    await picture(page, name)
  }
  const columnsOf = (page: Page, id: string): Promise<string | undefined> =>
    page.evaluate(`RED.nodes.node('${id}').columns`)
  const deployed = async (id: string): Promise<string> =>
    (await editor.nodeRed.flow()).find((entry) => entry.id === id)?.['columns'] as string

  const field = (page: Page, property: string): Locator => page.locator(`#node-input-${property}`)
  const faults = (page: Page): Locator => page.locator('#tenant-postgres-sink-columns-faults')

  async function placeholders(page: Page): Promise<(string | null)[]> {
    const all = await rows(page).all()
    return Promise.all(all.map((place) => cell(place, 'Type').getAttribute('placeholder')))
  }
  async function chooseSource(place: Locator, label: string): Promise<void> {
    await place.locator('.red-ui-typedInput-type-select').click()
    await place.page().locator('.red-ui-typedInput-options:visible a', { hasText: label }).click()
  }
  async function drag(page: Page, from: number, to: number): Promise<void> {
    const handles = rows(page).locator('.red-ui-editableList-item-handle')
    const start = (await handles.nth(from).boundingBox())!
    const end = (await handles.nth(to).boundingBox())!
    await page.mouse.move(start.x + 4, start.y + 4)
    await page.mouse.down()
    await page.mouse.move(end.x + 4, end.y - 6, { steps: 12 })
    await page.mouse.up()
  }
})
