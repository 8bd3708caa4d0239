/** In a real browser: what the dialogs show of the running flow and of their unsaved values, before anything is deployed. */
import assert from 'node:assert/strict'
import type { Locator, Page } from 'playwright-core'
import { deadLettersOf } from '../../src/dead-letters/dead-letter'
import { partitionOfKey } from '../../src/kafka/produce/murmur2'
import { createDeadLetterTable, insertDeadLetters } from '../../src/postgres/dead-letters/dead-letter-table'
import type { Message } from '../../src/wire/message'
import { openDialog, unfold } from '../../dev/dialog'
import { fresh, picture, TestEditor } from '../support/editor'
import { createTestTopic, sharedKafka, uniqueName } from '../support/kafka'
import { readTopic } from '../support/kafka-log'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { until } from '../support/until'

const PREFIX = 'mtic/msg/client/realtime'
const PARTITIONS = 3
const FAILED_AT = `${new Date().toISOString().slice(0, 10)} 00:00`

describe('the dialogs show what will happen', function () {
  this.timeout(180_000)
  let database: TestDatabase
  let editor: TestEditor
  let topic: string
  before(async () => {
    const brokers = (await sharedKafka()).address
    topic = await createTestTopic(brokers, { partitions: PARTITIONS })
    database = await createTestDatabase()
    const tab = { z: 'tab', x: 200 }
    editor = await TestEditor.start(
      [
        { id: 'tab', type: 'tab', label: 'Flow 1' },
        fresh('tenant-kafka-cluster', { id: 'cluster', brokers }),
        fresh('tenant-postgres', { id: 'db', address: 'url', url: '${DATABASE_URL}' }),
        {
          ...{ id: 'inject', type: 'inject', ...tab, y: 100, repeat: '', crontab: '', wires: [['topic']] },
          props: [{ p: 'payload' }, { p: 'topic', vt: 'str' }],
          ...{ topic: `${PREFIX}/acme/north/d1`, payload: '{"degrees":21.5}', payloadType: 'json' },
        },
        fresh('tenant-topic', { id: 'topic', ...tab, y: 200, kafkaTopic: topic, wires: [['link'], []] }),
        { id: 'link', type: 'link out', ...tab, y: 250, mode: 'link', links: ['in'], wires: [] },
        { id: 'in', type: 'link in', ...tab, y: 300, links: ['link'], wires: [['producer']] },
        fresh('tenant-dead-letter-source', {
          ...{ id: 'letters', ...tab, y: 450, database: 'db', wires: [['letter-sink'], []] },
        }),
        fresh('tenant-postgres-sink', {
          ...{
            id: 'letter-sink',
            ...tab,
            y: 500,
            database: 'db',
            table: 'repaired',
            payloadType: 'text',
            wires: [[]],
          },
        }),
        fresh('tenant-kafka-consumer', {
          ...{
            id: 'consumer',
            ...tab,
            y: 550,
            cluster: 'cluster',
            database: 'db',
            topics: topic,
            mode: 'batch',
          },
          ...{ group: uniqueName('group'), wires: [['rows'], []] },
        }),
        fresh('tenant-postgres-sink', { id: 'rows', ...tab, y: 600, database: 'db', wires: [[]] }),
        fresh('tenant-kafka-producer', { id: 'producer', ...tab, y: 350, cluster: 'cluster', wires: [[]] }),
      ],
      { DATABASE_URL: database.url },
    )
    await editor.nodeRed.inject('inject')
    await until('the record is in Kafka', async () => (await readTopic(brokers, topic)).length > 0)
  })
  after(async () => {
    await editor?.stop()
    await database?.drop()
  })

  it('where MQTT topics would lead, as one types, and those that were seen', async () => {
    const page = await open('topic')
    await page.locator('#tenant-topic-try-seen').click()
    const topics = page.locator('#tenant-topic-try-topics')
    const tried = page.locator('#tenant-topic-tried')
    const results = tried.locator('.tenant-topic-result')
    const key = 'acme/north/d1'
    await results.first().waitFor()
    assert.equal(await topics.inputValue(), `${PREFIX}/${key}`)
    await tried.getByText('partition').waitFor()
    assert.deepEqual(await linesOf(results.first()), [
      `${PREFIX}/${key}`,
      `tenant acme project north device d1 Kafka topic ${topic} key ${key} partition ${partitionOfKey(key, PARTITIONS)}`,
    ])

    await topics.fill(`${PREFIX}/acme/north/d1/state\n<b>x</b>/a.b/c\n${PREFIX}/a.b/c/d`)
    assert.equal(await results.count(), 3)
    assert.match((await linesOf(results.nth(1)))[1]!, /^topic "<b>x<\/b>\/a\.b\/c" does not match/)
    assert.match((await linesOf(results.nth(2)))[1]!, /: the tenant "a\.b" is not of the form /)
    await show(page, tried, 'try-topics')
    await page.locator('#node-input-allowedTenant').fill('[a-z.]+')
    assert.match((await linesOf(results.nth(2)))[1]!, /^tenant a\.b project c device d Kafka topic/)
    await page.locator('#node-input-allowedTenant').fill('[a-')
    assert.match(await tried.innerText(), /^the names allowed for a tenant, "\[a-"/)
    await page.locator('#node-input-allowedTenant').fill('${TENANTS}')
    assert.match(await tried.innerText(), /known only at run time/)
    await page.close()
  })

  it('which dead letters the filter finds, with a sample, and replay those of a reason', async () => {
    await storeLetters([
      ['acme', 'JSON_INVALID', 'no <JSON>', '{"secret":'],
      ['acme', 'JSON_INVALID', 'no <JSON>', '<img src=x onerror=throw(1)>'],
      ['north', '22P02', 'not a number', '\0'],
    ])
    const page = await open('letters')
    const place = page.locator('#tenant-dead-letter-source-letters')
    const groups = place.locator('.tenant-dead-letter-source-group')
    const shown = async (): Promise<string> => {
      await place.getByRole('button', { name: 'Show dead letters' }).click()
      await until(
        'the list is there',
        async () => (await place.locator('#tenant-dead-letter-source-groups').innerText()) !== '',
      )
      return place.innerText()
    }
    assert.match(await shown(), /3 waiting, in 2 groups/)
    assert.deepEqual(await linesOf(groups.first()), [
      'JSON_INVALID · acme Replay',
      `2 waiting, 0 replayed · ${FAILED_AT} to ${FAILED_AT} UTC`,
      'no <JSON>',
      'rt/acme <img src=x onerror=throw(1)>',
    ])
    await show(page, groups.last(), 'dead-letters')

    await page.locator('#node-input-tenant').fill('north')
    assert.match(await shown(), /1 waiting, in 1 groups/)
    await page.locator('#node-input-table').fill('elsewhere')
    assert.match(await shown(), /there is no table "public"."elsewhere" of dead letters/)
    await page.locator('#node-input-table').fill('iot_dead_letters')
    await page.locator('#node-input-tenant').fill('')
    await shown()

    await groups.first().getByRole('button', { name: 'Replay' }).click()
    const question = page.locator('.red-ui-notification', { hasText: 'Send up to 2 dead letters' })
    await question.waitFor()
    await picture(page, 'dead-letters-question')
    await question.getByRole('button', { name: 'Replay' }).click()
    await place.getByText('2 of 2 replayed, 0 failed').waitFor()
    await place.getByText('0 waiting, 2 replayed').waitFor()
    assert.match(await place.innerText(), /1 waiting, in 2 groups/)
    const stored = await database.query('select payload from repaired order by 1')
    assert.deepEqual(stored, [{ payload: '<img src=x onerror=throw(1)>' }, { payload: '{"secret":' }])
    await page.close()
  })

  it('the table as it is or would be, with the SQL, and the tables to choose from', async () => {
    await database.query('create table readings (at timestamptz, degrees text, site text not null)')
    const page = await open('rows')
    const place = page.locator('#tenant-postgres-sink-previewed')
    const shown = async (): Promise<string> => {
      await page.getByRole('button', { name: 'Preview table and SQL' }).click()
      await until('the preview is there', async () => (await place.innerText()) !== '')
      return place.innerText()
    }
    assert.match(await shown(), /^"public"\."iot_messages" exists: a table with a partition for each day/)
    assert.match(await place.innerText(), /No SQL has to be run before the first row/)

    await page.locator('#node-input-table').fill('elsewhere')
    assert.match(
      await shown(),
      /^"public"\."elsewhere" does not exist yet: a table with a partition for each day/,
    )
    await place.locator('summary').click()
    const sql = await page.locator('#tenant-postgres-sink-sql').innerText()
    assert.match(sql, /create table "public"\."elsewhere" \(\n {2}"time" timestamptz not null,/)
    assert.deepEqual(await database.query(`select to_regclass('elsewhere') as found`), [{ found: null }])
    await show(page, place, 'preview-new')

    await page.locator('#node-input-table').fill('')
    await page.locator('#node-input-table').pressSequentially('read')
    const choice = page.locator('.red-ui-menu:visible, .red-ui-popover:visible').getByText('readings')
    await choice.first().waitFor()
    await picture(page, 'choose-table')
    await choice.first().click()
    assert.equal(await page.locator('#node-input-table').inputValue(), 'readings')
    assert.match(await shown(), /^"public"\."readings" exists:/)
    assert.match(await place.innerText(), /has no column "time"/)
    assert.match(await place.innerText(), /site\s+text\s+not filled by this sink, and required/)
    await show(page, place, 'preview-existing')
    await page.close()
  })

  it('the last record of a consumer, whose properties a sink offers for its columns', async () => {
    await until('the row is there', async () => (await database.query('select from iot_messages')).length > 0)
    const page = await open('consumer')
    await page.getByRole('button', { name: 'Show last record' }).click()
    const place = page.locator('#tenant-kafka-consumer-sampled')
    await place.getByText('msg.tenant').waitFor()
    const text = await place.innerText()
    assert.match(text, new RegExp(`^${topic}, partition \\d, offset 0, `))
    assert.match(text, /msg\.tenant\s+acme/)
    assert.match(text, /msg\.payload\s+\{"degrees":21\.5\}/)
    await show(page, place, 'sample')
    await page.close()

    const sink = await open('rows')
    await sink.locator('.tenant-postgres-sink-columns-list').getByRole('button', { name: 'add' }).click()
    const source = sink.locator('#tenant-postgres-sink-columns .red-ui-typedInput-input')
    await source.pressSequentially('degr')
    const offered = sink.locator('.red-ui-menu:visible, .red-ui-popover:visible').getByText('payload.degrees')
    await offered.first().waitFor()
    await picture(sink, 'sample-columns')
    await sink.close()
  })

  /** Of one minute, each later than the one before. */
  async function storeLetters(
    letters: readonly (readonly [string, string, string, string])[],
  ): Promise<void> {
    const table = 'iot_dead_letters'
    await database.query(createDeadLetterTable(table))
    const made = letters.flatMap(([tenant, code, message, payload], index) => {
      const error = { code, message, source: { id: 'sink', type: 'tenant-postgres-sink' } }
      const record: Message = { tenant, topic: `rt/${tenant}`, payload: Buffer.from(payload), error }
      const failedAt = Date.parse(`${FAILED_AT.replace(' ', 'T')}Z`) + index
      return deadLettersOf(record, { now: () => failedAt, newId: () => crypto.randomUUID() })
    })
    const { text, values } = insertDeadLetters(table, made)
    await database.query(text, values)
  }

  async function open(id: string): Promise<Page> {
    const page = await editor.open()
    await openDialog(page, id)
    await unfold(page)
    return page
  }
  async function linesOf(place: Locator): Promise<string[]> {
    const lines = await place.locator('> div').allInnerTexts()
    return lines.map((line) => line.replace(/\s+/g, ' ').trim())
  }
  async function show(page: Page, place: Locator, name: string): Promise<void> {
    await place.scrollIntoViewIfNeeded()
    await picture(page, name)
    if (process.env.SCREENSHOTS === undefined) return
    // As narrow as the panel becomes.
    await page.setViewportSize({ width: 900, height: 900 })
    await picture(page, `${name}-narrow`)
  }
})
