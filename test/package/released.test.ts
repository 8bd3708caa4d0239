/** A flow that a released version has saved works on: each property is still known, and means what it meant. */
import assert from 'node:assert/strict'
import { readReplay } from '../../nodes/tenant-dead-letter-source/options'
import { readConsumerOptions } from '../../nodes/tenant-kafka-consumer/options'
import { readProducerOptions } from '../../nodes/tenant-kafka-producer/options'
import { readSink } from '../../nodes/tenant-postgres-sink/options'
import { readOptions } from '../../src/config/options'
import { editorAccepts, editorDefinition, nodeTypes, optionsOf } from '../support/package'
import { EVERY_NODE, releasedFlows } from '../support/released'

/** Of every node, whatever its type. */
const OF_NODE_RED = [
  'id',
  'type',
  'z',
  'g',
  'x',
  'y',
  'wires',
  'name',
  'd',
  'inputLabels',
  'outputLabels',
  'info',
]

const READERS: Readonly<Record<string, (node: object) => unknown>> = {
  'tenant-postgres-sink': readSink,
  'tenant-kafka-consumer': (node) => readConsumerOptions('id', node),
  'tenant-kafka-producer': readProducerOptions,
  'tenant-dead-letter-source': readReplay,
}

describe('flows of released versions', () => {
  for (const { version, name, nodes } of releasedFlows()) {
    it(`are taken by the editor and the nodes: ${name} of ${version}`, () => {
      for (const node of nodes.filter(({ type }) => nodeTypes.includes(type))) {
        const definition = editorDefinition(node.type)
        const table = optionsOf(node.type)
        for (const [property, value] of Object.entries(node)) {
          if (OF_NODE_RED.includes(property)) continue
          assert.ok(
            property in definition.defaults,
            `${node.type} no longer has ${property}: where does its value go?`,
          )
          assert.ok(editorAccepts(definition, property, value, node), `${node.type}.${property}`)
        }
        // As Node-RED has put in the environment variables, which are set.
        const values = Object.entries(node).filter(([, value]) => !String(value).startsWith('${'))
        const needed = { url: 'mqtt://h', brokers: 'h:1' }
        assert.doesNotThrow(() => readOptions(table, { ...needed, ...Object.fromEntries(values) }), node.type)
        READERS[node.type]?.(node)
      }
    })
  }

  it('have every node of their version', () => {
    const versions = releasedFlows().filter(({ name }) => name === EVERY_NODE)
    assert.ok(versions.length > 0)
    for (const { nodes } of versions) {
      const types = new Set(nodes.map(({ type }) => type))
      assert.ok(nodeTypes.filter((type) => types.has(type)).length >= 10)
    }
  })
})
