/** What all dialogs have in common, as the editor sees it. */
import assert from 'node:assert/strict'
import { isListable, tidied } from '../../nodes/tenant-postgres-sink/editor/columns'
import { editorAccepts, editorDefinition, nodeTypes, optionsOf } from '../support/package'

/** Options that have to be chosen: a flow without them does not run. */
const NEEDED = [
  ...['tenant-kafka-cluster.brokers', 'tenant-kafka-consumer.topics', 'tenant-kafka-consumer.group'],
  ...['tenant-mqtt-broker.url', 'tenant-mqtt-broker.clientId', 'tenant-mqtt-source.topic'],
  'tenant-postgres.url',
]

describe('the dialogs', () => {
  for (const type of nodeTypes) {
    it(`take a ${type} of an older version, which lacks options of today`, () => {
      const definition = editorDefinition(type)
      for (const property of Object.keys(optionsOf(type))) {
        const isNeeded = NEEDED.includes(`${type}.${property}`)
        assert.equal(editorAccepts(definition, property, undefined), !isNeeded, property)
      }
    })

    it(`take any environment variable that Node-RED replaces, in ${type}`, () => {
      const definition = editorDefinition(type)
      for (const property of Object.keys(optionsOf(type)))
        for (const variable of ['${my-broker}', '$(a.b)', '${X}'])
          assert.ok(editorAccepts(definition, property, variable), `${property} = ${variable}`)
    })
  }

  const wrong: [type: string, property: string, value: unknown, others?: object][] = [
    ['tenant-mqtt-broker', 'clientId', ''],
    ['tenant-mqtt-broker', 'cleanSession', true],
    ['tenant-mqtt-broker', 'sessionExpirySeconds', 0],
    ['tenant-mqtt-broker', 'url', 'mqtt://me:secret@broker'],
    ['tenant-mqtt-source', 'messageIdName', '', { messageId: 'userProperty' }],
    ['tenant-mqtt-source', 'messageIdName', 'no-slash', { messageId: 'jsonPointer' }],
    ['tenant-kafka-consumer', 'topics', 'bad topic!'],
    ['tenant-kafka-consumer', 'topics', '/([/'],
    ['tenant-kafka-consumer', 'topics', '/a(?!b)/'],
    ['tenant-kafka-consumer', 'group', 'with space'],
    ['tenant-kafka-consumer', 'startTime', 'yesterday evening', { start: 'time' }],
    ['tenant-kafka-consumer', 'startTime', '2026-02-30', { start: 'time' }],
    ['tenant-dead-letter-source', 'from', 'yesterday'],
    ['tenant-dead-letter-source', 'to', '13.11.2026'],
    ['tenant-topic', 'allowedTenant', '(a)\\1'],
    ['tenant-postgres-sink', 'columns', '[]'],
  ]
  for (const [type, property, value, others] of wrong) {
    it(`refuse, and say why, ${JSON.stringify(value)} as ${property} of ${type}`, () => {
      const definition = editorDefinition(type)
      assert.equal(editorAccepts(definition, property, value, others), false)
      const node = { ...others, _: (key: string) => key }
      const words = definition.defaults[property]!.validate!.call(node, value, {})
      assert.match(String(words), new RegExp(`^${property}: ${type}\\.`))
    })
  }

  // The code that reads these at run time is asked.
  const unreadable: typeof wrong = [
    ['tenant-mqtt-source', 'topic', 'a/#/b'],
    ['tenant-mqtt-source', 'topic', 'a/+/c,a/b/#'],
    ['tenant-topic', 'pattern', '{tenant}/#/x'],
    ['tenant-topic', 'kafkaTopic', 'bad topic!', { strategy: 'shared' }],
    ['tenant-topic', 'topicTemplate', '{nothere}', { strategy: 'template' }],
    ['tenant-topic', 'keyTemplate', '{nothere}'],
    ['tenant-kafka-consumer', 'topicPattern', '{nothere'],
    ['tenant-postgres-sink', 'timeProperty', 'payload..x'],
    ['tenant-postgres-sink', 'compressAfterDays', 7, { readerRole: 'readers' }],
  ]
  for (const [type, property, value, others] of unreadable) {
    it(`refuse ${JSON.stringify(value)} as ${property} of ${type}`, () => {
      const definition = editorDefinition(type)
      assert.equal(editorAccepts(definition, property, value, others), false)
      const standard = definition.defaults[property]!.value
      assert.ok(editorAccepts(definition, property, standard === '' ? 'a' : standard, others))
    })
  }

  it('name the bounds of a number, with its label', () => {
    const { validate } = editorDefinition('tenant-kafka-producer').defaults['partitions']!
    const node = {
      _: (key: string) => (key === 'tenant-kafka-producer.label.partitions' ? 'Partitions' : key),
    }
    assert.equal(validate!.call(node, '0', {}), 'Partitions: 1 – 10000')
    assert.equal(validate!.call(node, '1', {}), true)
  })

  it('refuse a dead letter node without the configuration node that its target needs', () => {
    const definition = editorDefinition('tenant-dead-letter')
    for (const missing of ['', '_ADD_', undefined]) {
      assert.equal(editorAccepts(definition, 'cluster', missing, { target: 'kafka' }), false)
      assert.equal(editorAccepts(definition, 'database', missing, { target: 'table' }), false)
      assert.ok(editorAccepts(definition, 'cluster', missing, { target: 'table' }))
      assert.ok(editorAccepts(definition, 'database', missing, { target: 'kafka' }))
    }
  })

  it('show as a list of columns only what rows can show whole', () => {
    for (const text of ['', ' ', '[{"column":"a","from":"topic","unit":1}]', '[{}]', '[]'])
      assert.ok(isListable(text), text)
    for (const text of ['[', '{"column":"a"}', '[1]', '[null]', '[[]]', '[{"column":1}]', '${COLUMNS}'])
      assert.equal(isListable(text), false, text)
  })

  it('take the path of a property as it is copied from elsewhere', () => {
    assert.equal(tidied(' payload["state"] '), 'payload.state')
    assert.equal(tidied("payload.values[0]['a b']"), 'payload.values.0.a b')
    assert.equal(tidied('payload.values'), 'payload.values')
    assert.equal(tidied('a["b.c"]'), 'a["b.c"]')
  })
})
