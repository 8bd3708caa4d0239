/**
 * What a user does who knows Node-RED and not Kafka, in a real browser: an empty workspace, five nodes from the palette,
 * three wires, the addresses, one deploy, and the messages of the devices are rows.
 */
import assert from 'node:assert/strict'
import { connectAsync } from 'mqtt'
import type { Page } from 'playwright-core'
import { startMosquitto, type Mosquitto } from '../../dev/services/mosquitto'
import type { NodeRedVersion } from '../../dev/node-red/runtime'
import { closeDialog, dialogOpened } from '../../dev/dialog'
import { picture, TestEditor } from '../support/editor'
import { sharedKafka } from '../support/kafka'
import { createTestDatabase, type TestDatabase } from '../support/postgres'
import { until } from '../support/until'

const TOPIC = 'mtic/msg/client/realtime'
const MESSAGES = 20

/** Works as a user does, and counts. */
class User {
  dialogs = 0
  values = 0
  deploys = 0

  constructor(private readonly page: Page) {}

  /** Drags a node out of the palette. @returns its id */
  async drop(type: string, x: number, y: number): Promise<string> {
    const { page } = this
    const entry = page.locator(`.red-ui-palette-node[data-palette-type="${type}"]`)
    await entry.scrollIntoViewIfNeeded()
    const from = await centerOf(page, entry)
    const chart = await page.locator('#red-ui-workspace-chart').boundingBox()
    await this.drag(from, { x: chart!.x + x, y: chart!.y + y })
    return page.evaluate<string>(`RED.nodes.filterNodes({ type: '${type}' }).at(-1).id`)
  }

  async wire(source: string, target: string): Promise<void> {
    const { page } = this
    const port = (id: string, kind: string) =>
      page.locator(`#${CSS(id)} .red-ui-flow-port-${kind} .red-ui-flow-port`)
    await this.drag(
      await centerOf(page, port(source, 'output').first()),
      await centerOf(page, port(target, 'input').first()),
    )
  }

  async open(id: string): Promise<void> {
    this.dialogs++
    await this.page.locator(`#${CSS(id)} .red-ui-flow-node`).click()
    await this.page.keyboard.press('Enter')
    await dialogOpened(this.page)
  }

  /** Makes the configuration node that a field of the open dialog asks for. */
  async add(property: string, values: Readonly<Record<string, string>>): Promise<void> {
    const { page } = this
    this.dialogs++
    await page.locator(`#node-input-btn-${property}-add`).click()
    await page.locator('#node-config-dialog-ok').waitFor()
    await dialogOpened(page)
    for (const [name, value] of Object.entries(values)) await this.enter(`#node-config-input-${name}`, value)
    await picture(page, `first-${property}`)
    await closeDialog(page, 'ok')
  }

  async enter(field: string, value: string): Promise<void> {
    this.values++
    await this.page.locator(field).fill(value)
  }

  async done(): Promise<void> {
    await closeDialog(this.page, 'ok')
  }

  /** The editor does so without a question when nothing is wrong. */
  async deploy(): Promise<void> {
    this.deploys++
    await this.page.locator('#red-ui-header-button-deploy').click()
    await this.page.waitForFunction(
      "document.querySelector('#red-ui-header-button-deploy').classList.contains('disabled')",
    )
  }

  private async drag(from: Point, to: Point): Promise<void> {
    const { mouse } = this.page
    await mouse.move(from.x, from.y)
    await mouse.down()
    await mouse.move((from.x + to.x) / 2, (from.y + to.y) / 2, { steps: 5 })
    await mouse.move(to.x, to.y, { steps: 5 })
    await mouse.up()
  }
}

interface Point {
  readonly x: number
  readonly y: number
}

/** Ids may begin with a digit. */
const CSS = (id: string): string => `${id}`.replace(/^\d/, (digit) => `\\3${digit} `)

async function centerOf(page: Page, element: ReturnType<Page['locator']>): Promise<Point> {
  const box = await element.boundingBox()
  assert.ok(box !== null)
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 }
}

for (const version of ['4.1', '5'] as NodeRedVersion[]) {
  describe(`the first flow of a new user on Node-RED ${version}`, function () {
    this.timeout(180_000)
    let broker: Mosquitto
    let brokers: string
    let database: TestDatabase
    let editor: TestEditor
    before(async () => {
      broker = await startMosquitto()
      brokers = (await sharedKafka()).address
      database = await createTestDatabase()
      editor = await TestEditor.start([{ id: 'tab', type: 'tab', label: 'Halle 7 – Süd' }], {}, version)
    })
    after(async () => {
      await editor?.stop()
      await database?.drop()
      await broker?.stop()
    })

    it('stores the messages of the devices after six dialogs, five values and one deploy', async () => {
      const page = await editor.open('.red-ui-palette-node[data-palette-type="tenant-topic"]')
      const user = new User(page)
      const source = await user.drop('tenant-mqtt-source', 160, 100)
      const topic = await user.drop('tenant-topic', 400, 100)
      const producer = await user.drop('tenant-kafka-producer', 640, 100)
      const consumer = await user.drop('tenant-kafka-consumer', 160, 240)
      const sink = await user.drop('tenant-postgres-sink', 460, 240)
      await user.wire(source, topic)
      await user.wire(topic, producer)
      await user.wire(consumer, sink)

      await user.open(source)
      await user.add('broker', { url: broker.address })
      await user.enter('#node-input-topic', `${TOPIC}/#`)
      await page.locator('#tenant-mqtt-source-unwired button').click()
      await picture(page, `first-source-${version}`)
      await user.done()
      await user.open(producer)
      await user.add('cluster', { brokers })
      await user.done()
      await user.open(sink)
      const { username, password, host, pathname } = new URL(database.url)
      await user.add('database', { url: `postgres://${username}@${host}${pathname}`, password })
      await user.done()
      await picture(page, `first-flow-${version}`)
      await user.deploy()
      const { dialogs, values, deploys } = user
      assert.deepEqual({ dialogs, values, deploys }, { dialogs: 6, values: 5, deploys: 1 })

      await until('the source listens', () => editor.nodeRed.statuses.get(source)?.fill === 'green')
      const device = await connectAsync(broker.address)
      for (let n = 0; n < MESSAGES; n++)
        await device.publishAsync(`${TOPIC}/${version.replace('.', '-')}/north/d1`, `{"n":${n}}`, { qos: 1 })
      await device.endAsync()
      await until(
        () => `the messages are rows\n${editor.nodeRed.logTail()}`,
        async () => {
          const [found] = await database.query<{ there: boolean }>(
            `select to_regclass('iot_messages') is not null as there`,
          )
          if (found?.there !== true) return false
          const [rows] = await database.query<{ count: number }>(
            `select count(distinct payload)::int as count from iot_messages where tenant_id = '${version.replace('.', '-')}'`,
          )
          return rows?.count === MESSAGES
        },
      )
      await picture(page, `first-rows-${version}`)
      editor.assertSound()
      await page.close()
    })

    it('follows the nodes around a new one, until the user enters something, and leaves others alone', async () => {
      const page = await editor.open()
      const user = new User(page)
      const shown = (id: string) =>
        page.evaluate<Record<string, string>>(`(({ cluster, database, topics, group }) =>
          ({ cluster, database, topics, group }))(RED.nodes.node('${id}'))`)
      const consumer = await user.drop('tenant-kafka-consumer', 160, 400)
      const { cluster, group, ...found } = await shown(consumer)
      assert.deepEqual(found, { database: '', topics: 'iot-messages' })
      assert.match(`${group}`, /^halle-7-sud-[0-9a-f]{6}$/)
      assert.ok(cluster)
      const sink = await user.drop('tenant-postgres-sink', 460, 400)
      await user.wire(consumer, sink)
      assert.equal((await shown(consumer))['database'], (await shown(sink))['database'])
      assert.ok((await shown(consumer))['database'])

      await user.open(consumer)
      const warnings = page.locator('#dialog-form .tenant-pipeline-warning:visible')
      assert.equal(await warnings.count(), 0)
      await page.locator('#node-input-database').selectOption('_ADD_')
      await user.enter('#node-input-topics', 'iot-message')
      assert.deepEqual(await warnings.evaluateAll((hints) => hints.map(({ id }) => id)), [
        'tenant-kafka-consumer-other-topic',
        'tenant-kafka-consumer-no-database',
      ])
      await picture(page, `first-hints-${version}`)
      await user.done()
      const topic = await user.drop('tenant-topic', 160, 480)
      const later = await shown(consumer)
      assert.deepEqual(later, { cluster, group, database: '', topics: 'iot-message' })

      await page.evaluate(`RED.nodes.node('${topic}').kafkaTopic = 'other'`)
      await page.evaluate(`RED.view.importNodes(
        [{ id: 'old', type: 'tenant-kafka-consumer', topics: '', group: '', cluster: '', database: '', x: 0, y: 0, wires: [] }],
        { generateIds: false })`)
      assert.deepEqual(await shown('old'), { cluster: '', database: '', topics: '', group: '' })
      editor.assertSound()
    })
  })
}
