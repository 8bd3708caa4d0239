/** What can be said about the example flows without running them; `test/integration` runs them. */
import assert from 'node:assert/strict'
import path from 'node:path'
import { readOptions } from '../src/config/options'
import { riskyNodesBehind } from '../src/delivery/flow/flow-check'
import { nodesThatSeeBatches } from '../src/delivery/flow/per-message-nodes'
import {
  editorAccepts,
  editorDefinition,
  exampleFiles,
  filesOf,
  nodeTypes,
  optionsOf,
  readJson,
  readText,
} from './support/package'

interface Entry {
  readonly id: string
  readonly type: string
  readonly z?: string
  readonly name?: string
  readonly info?: string
  readonly label?: string
  /** Of a subflow. */
  readonly env?: readonly { readonly name: string; readonly value: string }[]
  readonly x?: number
  readonly y?: number
  readonly wires?: readonly (readonly string[])[]
  readonly scope?: readonly string[] | null
  readonly [property: string]: unknown
}

const ADDRESSES: Readonly<Record<string, readonly [property: string, value: string]>> = {
  'tenant-mqtt-broker': ['url', '${MQTT_URL}'],
  'tenant-kafka-cluster': ['brokers', '${KAFKA_BROKERS}'],
  'tenant-postgres': ['url', '${DATABASE_URL}'],
}

/** Types of the nodes that come with Node-RED, from their templates. */
const coreTypes = new Set(
  filesOf(path.join(path.dirname(require.resolve('@node-red/nodes/package.json')), 'core'))
    .filter((file) => file.endsWith('.html'))
    .flatMap((file) =>
      [...readText(file).matchAll(/registerType\(\s*['"]([^'"]+)['"]/g)].map(([, type]) => type),
    ),
)

const examples = exampleFiles().map((file) => ({
  name: path.basename(file, '.json'),
  flow: readJson(file) as readonly Entry[],
}))

const isOurs = ({ type }: Entry): boolean => nodeTypes.includes(type)

/** The box of a node in the editor, roughly: 7 px for each letter, and room for the icon and the ports. */
function boxOf({ name = '', x = 0, y = 0 }: Entry): {
  left: number
  right: number
  top: number
  bottom: number
} {
  const width = Math.max(100, name.length * 7 + 60)
  return { left: x - width / 2, right: x + width / 2, top: y - 15, bottom: y + 15 }
}

/** With a value for each environment variable: that of its subflow, or one that the test makes up. */
function withVariables(entry: Entry, flow: readonly Entry[]): object {
  const { env = [] } = flow.find(({ id }) => id === entry.z) ?? {}
  const valueOf = (value: unknown): unknown => {
    if (typeof value !== 'string' || !value.startsWith('${')) return value
    return env.find(({ name }) => value === `\${${name}}`)?.value ?? 'set.example:1'
  }
  return Object.fromEntries(Object.entries(entry).map(([name, value]) => [name, valueOf(value)]))
}

describe('the examples', () => {
  it('are numbered', () => {
    examples.forEach(({ name }, index) => assert.equal(Number(/^\d\d /.exec(name)?.[0]), index + 1, name))
  })

  it('can be imported together: ids, sessions, groups and names in the ledger are all different', () => {
    const all = examples.flatMap(({ flow }) => flow)
    const different = (what: string, values: readonly unknown[]): void => {
      assert.equal(new Set(values).size, values.length, `${what}: ${values.join(', ')}`)
    }
    const values = (type: string, property: string): unknown[] =>
      all.filter((entry) => entry.type === type).map((entry) => entry[property])
    different(
      'ids',
      all.map(({ id }) => id),
    )
    // Without one, a source's is made of its node's id.
    const clientIds = values('tenant-mqtt-source', 'clientId')
    different(
      'client ids',
      clientIds.filter((id) => id !== ''),
    )
    different('consumer groups', values('tenant-kafka-consumer', 'group'))
    different('names in the ledger', values('tenant-postgres-sink', 'ledgerName'))
    different('tables', values('tenant-postgres-sink', 'table'))
    different(
      'names of configuration nodes',
      all.filter((entry) => entry.type in ADDRESSES).map(({ name }) => name),
    )
  })

  for (const { name, flow } of examples) {
    describe(name, () => {
      const byId = new Map(flow.map((entry) => [entry.id, entry]))
      const tab = flow.find(({ type }) => type === 'tab')
      const subflows = flow.filter(({ type }) => type === 'subflow').map(({ id }) => id)
      const placed = flow.filter(({ wires }) => wires !== undefined)

      it('is one tab, which has its name, and a comment that explains it', () => {
        assert.equal(flow.filter(({ type }) => type === 'tab').length, 1)
        assert.equal(tab?.label, name)
        const places = [tab.id, ...subflows]
        for (const { z } of placed) assert.ok(places.includes(z ?? ''))
        const comment = flow.find(({ type }) => type === 'comment')
        assert.ok((comment?.info?.length ?? 0) > 300)
        const [english = '', chinese = ''] = comment?.info?.split('\n---\n') ?? []
        assert.doesNotMatch(english, /[\u4e00-\u9fff]/)
        assert.match(chinese, /[\u4e00-\u9fff]/, 'after a line ---, the same in Chinese')
      })

      it('has only our nodes and those of Node-RED', () => {
        for (const { type } of flow) {
          const isFrame = ['tab', 'subflow', ...subflows.map((id) => `subflow:${id}`)].includes(type)
          assert.ok(nodeTypes.includes(type) || coreTypes.has(type) || isFrame, type)
        }
      })

      it('has exactly the properties that our nodes have, with values that they take', () => {
        for (const entry of flow.filter(isOurs)) {
          const table = optionsOf(entry.type)
          const definition = editorDefinition(entry.type)
          const frame = ['id', 'type', ...(definition.category === 'config' ? [] : ['z', 'x', 'y', 'wires'])]
          assert.deepEqual(
            Object.keys(entry).sort(),
            [...frame, ...Object.keys(definition.defaults)].sort(),
            entry.name,
          )
          readOptions(table, withVariables(entry, flow))
          for (const property of Object.keys(definition.defaults)) {
            assert.ok(
              editorAccepts(definition, property, entry[property], entry),
              `${entry.name}: ${property} = ${JSON.stringify(entry[property])}`,
            )
          }
        }
      })

      it('refers to configuration nodes of its own, which take their addresses from the environment', () => {
        for (const entry of flow.filter(isOurs)) {
          for (const [property, { type }] of Object.entries(editorDefinition(entry.type).defaults)) {
            if (type === undefined || entry[property] === '') continue
            assert.equal(byId.get(entry[property] as string)?.type, type, `${entry.name}: ${property}`)
          }
          const address = ADDRESSES[entry.type]
          if (address !== undefined) assert.equal(entry[address[0]], address[1])
        }
        const used = new Set(
          flow.flatMap((entry) => Object.values(entry).filter((value) => value !== entry.id)),
        )
        for (const { id, type } of flow) if (type in ADDRESSES) assert.ok(used.has(id), `${type} is not used`)
      })

      it('has wires that lead to nodes, one list for each output', () => {
        for (const { type, wires = [], scope, name: label, outputs } of placed) {
          for (const id of [...wires.flat(), ...(scope ?? [])]) assert.ok(byId.has(id), `${label} → ${id}`)
          const expected = nodeTypes.includes(type) ? editorDefinition(type).outputs : outputs
          if (expected !== undefined) assert.equal(wires.length, expected, label)
        }
      })

      it('gives up no message in silence: what fails has a way to a dead letter', () => {
        for (const entry of flow) {
          if (!['tenant-mqtt-source', 'tenant-kafka-consumer', 'tenant-topic'].includes(entry.type)) continue
          const second = entry.wires?.[1]?.map((id) => byId.get(id)?.type)
          assert.deepEqual(second, ['tenant-dead-letter'], entry.name)
        }
        for (const entry of flow) {
          const rejects = entry.wires?.[0]?.map((id) => byId.get(id)?.type)
          if (entry.type === 'tenant-kafka-producer') assert.deepEqual(rejects, ['tenant-dead-letter'])
          if (entry.type !== 'tenant-postgres-sink') continue
          assert.deepEqual(rejects, entry.deadLetters === 'output' ? ['tenant-dead-letter'] : [], entry.name)
        }
      })

      it('has no node of which its sources warn', () => {
        for (const { id, type, mode } of flow) {
          if (!/-(source|consumer)$/.test(type)) continue
          const risky = riskyNodesBehind(id, flow)
          if (mode === 'batch')
            risky.push(...nodesThatSeeBatches(id, flow, { kafka: [] }).map(({ config }) => config))
          assert.deepEqual(
            risky.map(({ name: label }) => label),
            [],
          )
        }
      })

      it('catches only what waiting cannot fix: no Catch node for all nodes', () => {
        for (const { type, scope } of flow) if (type === 'catch') assert.ok((scope?.length ?? 0) > 0)
      })

      it('makes its own topics and tables', () => {
        for (const entry of flow) {
          if ('createTable' in entry) assert.equal(entry.createTable, true, entry.name)
          const isPattern = typeof entry.topics === 'string' && entry.topics.startsWith('/')
          const topicIsUsed = entry.type !== 'tenant-dead-letter' || entry.target === 'kafka'
          if ('missingTopic' in entry && topicIsUsed && !isPattern) {
            assert.equal(entry.missingTopic, 'create', entry.name)
            assert.equal(entry.replicas, 0, entry.name)
          }
        }
      })

      it('is laid out on the grid, and no node covers another', () => {
        for (const { x = 0, y = 0, name: label } of placed) {
          assert.deepEqual([x % 10, y % 20], [0, 0], label)
          assert.ok(boxOf({ id: '', type: '', x, y, name: label ?? '' }).left >= 0, label)
        }
        for (const [index, one] of placed.entries()) {
          for (const other of placed.slice(index + 1).filter(({ z }) => z === one.z)) {
            const [a, b] = [boxOf(one), boxOf(other)]
            const apart =
              a.right + 20 <= b.left || b.right + 20 <= a.left || a.bottom < b.top || b.bottom < a.top
            assert.ok(apart, `${one.name} and ${other.name}`)
          }
        }
      })
    })
  }
})
