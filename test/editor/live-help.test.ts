/** In a real browser: what the dialogs show of the running flow and of their unsaved values, before anything is deployed. */
import assert from 'node:assert/strict'
import type { Locator, Page } from 'playwright-core'
import { partitionOfKey } from '../../src/kafka/produce/murmur2'
import { fresh, picture, TestEditor } from '../support/editor'
import { createTestTopic, sharedKafka } from '../support/kafka'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { until } from '../support/until'

const PREFIX = 'mtic/msg/client/realtime'
const PARTITIONS = 3

describe('the dialogs show what will happen', function () {
  this.timeout(180_000)
  let database: TestDatabase
  let editor: TestEditor
  let topic: string
  afterEach(() => editor.assertSound())
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
        fresh('tenant-kafka-producer', { id: 'producer', ...tab, y: 350, cluster: 'cluster', wires: [[]] }),
      ],
      { DATABASE_URL: database.url },
    )
    await editor.nodeRed.inject('inject')
    await until('the record is in Kafka', async () => {
      const answer = await editor.nodeRed.ask('tenant-kafka-producer', 'producer', 'partitions', {
        topics: [topic, 'another'],
      })
      return JSON.stringify(answer) === JSON.stringify({ topics: [{ topic, partitions: PARTITIONS }] })
    })
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

  async function open(id: string): Promise<Page> {
    const page = await editor.open()
    await page.evaluate(`RED.editor.edit(RED.nodes.node('${id}'))`)
    await page.locator('#node-dialog-ok').waitFor()
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
