/** The editor of a Chinese user: nothing is English that has a word in Chinese, and no key is shown in its place. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import type { Page } from 'playwright-core'
import { closeDialog, openDialog, unfold } from '../../dev/dialog'
import { TestEditor, fresh, picture } from '../support/editor'
import { editorDefinition, nodeTypes } from '../support/package'
import { until } from '../support/until'

/** Nothing listens there. */
const NOWHERE = '127.0.0.1:1'
const isConfig = (type: string): boolean => editorDefinition(type).category === 'config'
const clusters = [
  fresh('tenant-kafka-cluster', { id: 'cluster', name: '集群', brokers: NOWHERE }),
  fresh('tenant-mqtt-broker', { id: 'broker', name: '服务器', url: NOWHERE, clientId: 'chinese' }),
  fresh('tenant-postgres', { id: 'database', name: '数据库', url: `postgres://${NOWHERE}/none` }),
]
const nodes = nodeTypes
  .filter((type) => !isConfig(type))
  .map((type, index) => {
    const place = { z: 'tab', x: 200 + 300 * (index % 2), y: 100 + 80 * index }
    const wires = Array.from({ length: editorDefinition(type).outputs ?? 0 }, () => [])
    return fresh(type, { id: type, ...place, wires, cluster: type.includes('kafka') ? 'cluster' : '' })
  })
const flow = [{ id: 'tab', type: 'tab', label: '流程' }, ...clusters, ...nodes]
const configIds: Readonly<Record<string, string>> = Object.fromEntries(
  clusters.map(({ type, id }) => [type, id]),
)

/** What stays as it is in Chinese: names of products and protocols, units, examples. */
const SAME =
  /^(PostgreSQL|TimescaleDB|Kafka|MQTT 5?|QoS|TLS|URL|Schema|CloudEvent|PLAIN|SCRAM-SHA-\d+|OAUTHBEARER|Snappy|LZ4|Zstandard|MQTT 3\.1\.1|3\.1\.1|5|[\d.,:TZ-]+|ms|s|B|[kM]i?B|[KM]iB|[a-z0-9-]+)$/

describe('in Chinese', () => {
  let editor: TestEditor
  let page: Page
  before(async () => {
    const fonts = spawnSync('fc-list', [':lang=zh'], { encoding: 'utf8' }).stdout ?? ''
    assert.notEqual(fonts, '', 'a font with Chinese characters is needed: install fonts-wqy-microhei')
    editor = await TestEditor.start(flow, { NODE_RED_LANG: 'zh-CN' })
    page = await editor.open('.red-ui-flow-node', 'zh-CN')
  })
  after(() => editor?.stop())

  it('a status is in the language of Node-RED', async () => {
    const text = (id: string): string | undefined => editor.nodeRed.statuses.get(id)?.text
    assert.equal(text('tenant-mqtt-source'), '请选择 MQTT 服务器')
    await until('Kafka is not reachable', () => text('tenant-kafka-producer') === 'Kafka：无法连接')
  })

  it('the category in the palette has a name', async () => {
    await page.locator('.red-ui-palette-header', { hasText: '租户数据管道' }).waitFor()
    await picture(page, 'zh-palette')
  })

  for (const type of nodeTypes) {
    it(`the dialog of ${type} has neither English labels nor keys`, async () => {
      await openDialog(page, configIds[type] ?? type)
      await unfold(page)
      await picture(page, `zh-${type}`)
      const texts = await shownTexts(page)
      await closeDialog(page, 'cancel')
      assert.deepEqual(
        texts.filter((text) => /^[a-z-]+(\.[a-zA-Z]+)+$/.test(text)),
        [],
        'keys',
      )
      assert.deepEqual(
        texts.filter((text) => /[a-z]{2}/i.test(text) && !/[\u4e00-\u9fff]/.test(text) && !SAME.test(text)),
        [],
        'English',
      )
    })
  }
})

/** Labels, headings, hints, choices and buttons of the open dialog. */
async function shownTexts(page: Page): Promise<string[]> {
  const texts = page
    .locator('.red-ui-tray-body')
    .locator('label, h3, h4, .form-tips, option, button, summary')
  return [...new Set((await texts.allInnerTexts()).map((text) => text.trim()).filter((text) => text !== ''))]
}
