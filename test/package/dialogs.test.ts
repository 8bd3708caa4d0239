/** What all dialogs have in common, as the editor sees it. */
import assert from 'node:assert/strict'
import { isListable, tidied } from '../../nodes/tenant-postgres-sink/editor/columns'
import { readOptions } from '../../src/config/options'
import { editorAccepts, editorDefinition, nodeTypes, optionsOf, reasonFor } from '../support/package'
import { wrongValues } from '../support/wrong-values'

/** Options that have to be chosen: a flow without them does not run. */
const NEEDED = [
  ...['tenant-kafka-cluster.brokers', 'tenant-kafka-consumer.topics', 'tenant-kafka-consumer.group'],
  ...['tenant-mqtt-broker.url', 'tenant-mqtt-broker.clientId', 'tenant-mqtt-source.topic'],
  'tenant-postgres.url',
  ...['statement', 'parameters', 'ledgerName'].map((option) => `tenant-postgres-apply.${option}`),
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

  for (const { type, property, value, others } of wrongValues()) {
    it(`refuse, and say why, ${JSON.stringify(value)} as ${property} of ${type}`, () => {
      const definition = editorDefinition(type)
      assert.equal(editorAccepts(definition, property, value, others), false)
      const words = reasonFor(definition, property, value, others)
      assert.match(words, /^[^:]+: .{10,}/)
      assert.doesNotMatch(words, /shared\.|tenant-|__|undefined/)
      assert.ok(!/[<&]/.test(words), 'it is shown as HTML')
    })
  }

  // The code that reads these at run time is asked.
  const readable: [type: string, property: string, value: unknown, others?: object][] = [
    ['tenant-mqtt-source', 'topic', 'a/+/c, $share/g/b/#'],
    ['tenant-topic', 'allowedTenant', 'north|south'],
    ['tenant-topic', 'keyTemplate', '{device}'],
    ['tenant-kafka-consumer', 'topics', '/^iot-/i'],
    ['tenant-kafka-consumer', 'topicPattern', '{tenant}.{project}'],
    ['tenant-postgres-sink', 'timeProperty', 'payload.at'],
    ['tenant-postgres-sink', 'key', 'tenant_id,time', { exactlyOnce: 'key' }],
    ['tenant-postgres-sink', 'pastDays', '${DAYS}', { retentionDays: 30 }],
    ['tenant-postgres-sink', 'pastDays', '5', { retentionDays: '${DAYS}' }],
  ]
  for (const [type, property, value, others] of readable) {
    it(`take ${JSON.stringify(value)} as ${property} of ${type}`, () => {
      assert.ok(editorAccepts(editorDefinition(type), property, value, others))
    })
  }

  it('name the bounds of a number with its unit, after its label', () => {
    const words = reasonFor(editorDefinition('tenant-kafka-producer'), 'partitions', '0')
    assert.equal(words, 'Partitions: expected a whole number from 1 to 10,000 partitions')
    const bounds: [type: string, property: string, said: string][] = [
      ['tenant-kafka-producer', 'lingerMs', 'Max. wait: expected 0 to 10 s, in whole ms'],
      ['tenant-kafka-producer', 'retentionMs', 'Keep records: expected -1 to 36,525 days, in whole ms'],
      ['tenant-mqtt-source', 'deliveryTimeoutMs', 'Stall timeout: expected 1 s to 24 h, in whole ms'],
      ['tenant-mqtt-source', 'windowBytes', 'Max. bytes: expected 64 KiB to 1,024 MiB, in whole bytes'],
      ['tenant-postgres-sink', 'pastDays', 'Max. age: expected a whole number from 1 to 3,650 days'],
    ]
    for (const [type, property, said] of bounds)
      assert.equal(reasonFor(editorDefinition(type), property, '-2'), said)
  })

  it('say the same as the node does when it is deployed', () => {
    const message =
      'a topic filter such as plant/+/temperature or $share/group/plant/#; # only as the last level'
    const definition = editorDefinition('tenant-mqtt-source')
    assert.equal(reasonFor(definition, 'topic', ''), `Topic filters: expected ${message}`)
    assert.match(reasonFor(definition, 'topic', 'a/+/c,a/b/#'), /: two of the filters have topics in common/)
    const read = (): unknown => readOptions(optionsOf('tenant-mqtt-source'), { topic: '' })
    assert.throws(read, { message: `"topic" is nothing; expected ${message}` })
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
