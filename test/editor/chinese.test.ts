import assert from 'node:assert/strict'
import { TestEditor, fresh } from '../support/editor'
import { until } from '../support/until'

/** Nothing listens there. */
const NOWHERE = '127.0.0.1:1'
const flow = [
  { id: 'tab', type: 'tab', label: '流程' },
  fresh('tenant-kafka-cluster', { id: 'cluster', brokers: NOWHERE }),
  fresh('tenant-mqtt-source', { id: 'source', z: 'tab', x: 100, y: 100, wires: [[]] }),
  fresh('tenant-kafka-producer', {
    ...{ id: 'producer', z: 'tab', x: 300, y: 100, wires: [[]] },
    ...{ cluster: 'cluster', topic: 'iot-messages' },
  }),
]

describe('in Chinese', () => {
  let editor: TestEditor
  before(async () => (editor = await TestEditor.start(flow, { NODE_RED_LANG: 'zh-CN' })))
  after(() => editor.stop())

  it('a status is in the language of Node-RED', async () => {
    const text = (id: string): string | undefined => editor.nodeRed.statuses.get(id)?.text
    assert.equal(text('source'), '请选择 MQTT 服务器')
    await until('Kafka is not reachable', () => text('producer') === 'Kafka：无法连接')
  })
})
