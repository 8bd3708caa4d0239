import assert from 'node:assert/strict'
import { readConnection } from '../../nodes/tenant-kafka-cluster/options'
import { readOptions, valueOfNewNode, type Option, type OptionTable } from '../../src/config/options'
import { readPassword } from '../../src/config/secret'
import { parseBrokers } from '../../src/kafka/connection'
import { parseBrokerUrls, refusePassword } from '../../src/mqtt/connect/broker-settings'
import { connectionConfig, parseServers } from '../../src/postgres/connect/connection'
import {
  editorAccepts,
  editorDefinition,
  nodeTypes,
  optionsOf,
  type EditorDefinition,
} from '../support/package'

/** Values at which a dialog and the runtime could disagree. */
function probes(option: Option): unknown[] {
  switch (option.kind) {
    case 'integer': {
      const { min, max } = option
      return [
        min,
        max,
        String(min),
        String(max),
        min - 1,
        max + 1,
        `${min - 1}`,
        `${max + 1}`,
        min + 0.5,
        'text',
      ]
    }
    case 'choice':
      return [...option.choices, 'something else']
    case 'flag':
      return [true, false]
    case 'text':
      return [
        option.default,
        ...(option.required ? [''] : []),
        ...(option.pattern === undefined ? [] : ['§ no name has this']),
      ]
  }
}

function isReadable(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch {
    return false
  }
}

function runtimeAccepts(table: OptionTable, property: string, value: unknown): boolean {
  const option = table[property] as Option
  // The dialog shows an empty required field as missing; at runtime its default stands in.
  if (option.kind === 'text' && option.required && value === '') return false
  return isReadable(() => readOptions({ [property]: option }, { [property]: value }))
}

/** What the runtime reads where a saved node has nothing; a required text has no such value but its default. */
function readOptionOf(property: string, option: Option): unknown {
  if (option.kind === 'text' && option.required) return option.default
  return readOptions({ [property]: option }, {})[property]
}

/** Properties of a node that are no options: its name, and the configuration nodes it refers to. */
function isReference(definition: EditorDefinition, property: string): boolean {
  return property === 'name' || definition.defaults[property]?.type !== undefined
}

/** What a dialog refuses because of another property is refused by the node too, and tested with the node. */
const OTHERS = { allowUnsafe: true, createTable: false }

describe('dialog and runtime', () => {
  for (const type of nodeTypes) {
    describe(type, () => {
      const table = optionsOf(type)

      it('have the same properties, with the same values in a new node and when a saved one lacks them', () => {
        const definition = editorDefinition(type)
        const inDialog = Object.entries(definition.defaults)
          .filter(([property]) => !isReference(definition, property))
          .map(([property, { value, whenMissing }]) => [property, [value, whenMissing]])
        const atRuntime = Object.entries(table).map(([property, option]) => [
          property,
          [valueOfNewNode(option), readOptionOf(property, option)],
        ])
        assert.deepEqual(Object.fromEntries(inDialog), Object.fromEntries(atRuntime))
      })

      for (const [property, option] of Object.entries(table)) {
        it(`accept the same values of ${property}`, () => {
          const definition = editorDefinition(type)
          for (const value of probes(option)) {
            assert.equal(
              editorAccepts(definition, property, value, OTHERS),
              runtimeAccepts(table, property, value),
              `${property} = ${JSON.stringify(value)}`,
            )
          }
          if (option.kind !== 'flag')
            assert.ok(editorAccepts(definition, property, '${SOME_NAME}'), '${SOME_NAME}')
        })
      }
    })
  }
})

describe('an address', () => {
  const HOSTS = [
    ...[
      'h',
      'h:1',
      'h:99999',
      'h:0',
      'h:x',
      ':1',
      'a_b',
      'a b',
      'münchen',
      '-',
      '%',
      'h%41',
      '%2Frun',
      'h?a=1',
      'h/p',
      'h#f',
    ],
    ...[
      '[::1]',
      '[::1]:1',
      '::1',
      '[::1%eth0]',
      '[::1%]',
      '[::1',
      '[1]',
      '[h]:1',
      '1.2.3.4:5',
      ':::',
      '1:2',
      'fe80::1%eth0',
    ],
    ...[
      'u@h',
      'u:p@h',
      'u:p@',
      'h?user=u',
      'h?password=p',
      'h?sslmode=x',
      'a,b:2',
      'a,,b',
      'a, b:99999',
      'a;b',
      ',',
      '@',
    ],
  ]
  const PREFIXES = [
    '',
    'mqtt://',
    'MQTTS://',
    'wss://',
    'http://',
    'SSL://',
    'postgres://',
    'postgresql://',
    'mqtt:/',
    '://',
  ]
  const addresses = PREFIXES.flatMap((prefix) =>
    HOSTS.flatMap((host) => [prefix + host, `${prefix}${host}/d`]),
  )
  const readers: readonly [
    type: string,
    property: string,
    others: object,
    read: (text: string) => unknown,
  ][] = [
    ['tenant-mqtt-broker', 'url', {}, (text) => refusePassword(parseBrokerUrls(text))],
    ['tenant-kafka-cluster', 'brokers', {}, parseBrokers],
    ['tenant-postgres', 'url', {}, (text) => assert.equal(connectionConfig(text, 'auto').password, '')],
    ['tenant-postgres', 'host', { address: 'fields' }, (text) => parseServers(text, 5432)],
  ]
  for (const [type, property, others, read] of readers) {
    it(`is good or bad to the dialog of ${type} as to the node: ${property}`, () => {
      const definition = editorDefinition(type)
      const verdicts = addresses.map((address) => [
        address,
        editorAccepts(definition, property, address, others),
      ])
      const atRuntime = addresses.map((address) => [address, isReadable(() => read(address))])
      assert.deepEqual(verdicts, atRuntime)
    })
  }
})

describe('environment variables that Node-RED has not replaced', () => {
  for (const type of nodeTypes) {
    for (const [property, option] of Object.entries(optionsOf(type))) {
      it(`are refused by name in ${property} of ${type}`, () => {
        const read = (value: unknown) => () => readOptions({ [property]: option }, { [property]: value })
        for (const value of ['${NOT_SET}', '$(NOT_SET)'])
          assert.throws(read(value), {
            code: 'CONFIG_INVALID',
            message: new RegExp(`^"${property}" is .*, and the environment variable NOT_SET is not set`),
            statusText: `check "${property}": NOT_SET is not set`,
          })
        for (const value of [
          'mqtts://${HOST}:8883',
          'a,${HOST}',
          '[{"name":"a","from":"${HOST}"}]',
          ['${HOST}'],
        ])
          assert.throws(read(value), {
            code: 'CONFIG_INVALID',
            message: new RegExp(
              `^"${property}" has \\$\\{HOST\\} within its value, and Node-RED replaces whole values`,
            ),
          })
      })
    }
  }

  it('are not named where the name could be a piece of a password', () => {
    const url = 'mqtt://me:a${Qz7kW}b@h'
    assert.throws(
      () => readOptions(optionsOf('tenant-mqtt-broker'), { url }),
      ({ message }: Error) => message.includes('whole values only') && !message.includes('Qz7kW'),
    )
  })

  it('are refused in credentials, too', () => {
    assert.throws(() => readPassword('', '${NOT_SET}', () => undefined), /variable NOT_SET is not set/)
    const config = { brokers: 'kafka', sasl: 'plain' }
    const credentials = { username: '${NOT_SET}', password: 'p' }
    assert.throws(() => readConnection(config, credentials, undefined, () => undefined), /NOT_SET is not set/)
  })
})
