/** A password that is entered where an address belongs: it is refused with a sentence, and shown nowhere. */
import assert from 'node:assert/strict'
import { editorAccepts, editorDefinition, nodeTypes, reasonFor } from '../support/package'

const SECRET = 'hunter2'
const REST = [
  ...[
    `me:${SECRET}@host`,
    `:${SECRET}@host`,
    `me:a@${SECRET}@host`,
    `me:a/${SECRET}@host`,
    `me:${SECRET}#@host`,
  ],
  ...[`me:${SECRET}`, `host?password=${SECRET}`, `host/x?user=me&password=${SECRET}`, `host#${SECRET}`],
  ...[`me:${SECRET}@a,me:${SECRET}@b`, `a,me:${SECRET}@b`],
]
const after = (...schemes: readonly string[]): string[] =>
  schemes.flatMap((scheme) => REST.map((rest) => scheme + rest))

/** Fields for addresses: what is entered into them, and the settings with which they count. */
const ADDRESSES: readonly (readonly [
  type: string,
  property: string,
  others: object,
  given: readonly string[],
])[] = [
  ['tenant-mqtt-broker', 'url', { clientId: 'c' }, after('', 'mqtt://', 'mqtts://', 'wss://')],
  ['tenant-kafka-cluster', 'brokers', {}, after('', 'SASL_SSL://')],
  [
    'tenant-kafka-cluster',
    'tokenUrl',
    { sasl: 'oauthbearer' },
    [`https://me:${SECRET}@host`, `me:${SECRET}@host`, `https://host/token?client_secret=${SECRET}`],
  ],
  ['tenant-postgres', 'url', { address: 'url' }, after('', 'postgres://', 'postgresql://')],
  [
    'tenant-postgres',
    'host',
    { address: 'fields', databaseName: 'db', user: 'me' },
    [...after('', 'postgres://'), `host/${SECRET}`],
  ],
]

describe('a password in an address', () => {
  for (const [type, property, others, given] of ADDRESSES)
    it(`is refused in ${property} of ${type}, and not quoted`, () => {
      const definition = editorDefinition(type)
      for (const value of given) {
        const reason = reasonFor(definition, property, value, others)
        assert.equal(editorAccepts(definition, property, value, others), false, value)
        assert.match(reason, /.{20,}/, value)
        assert.ok(!reason.includes(SECRET), reason)
      }
    })

  it('is not in the label of a configuration node', () => {
    for (const type of nodeTypes.filter((name) => editorDefinition(name).category === 'config')) {
      const { defaults, label } = editorDefinition(type)
      const node = Object.fromEntries(Object.entries(defaults).map(([name, { value }]) => [name, value]))
      for (const address of ['url', 'fields'])
        for (const property of Object.keys(defaults).filter((name) => name !== 'name'))
          for (const value of after('', 'mqtt://', 'postgres://', 'https://')) {
            const shown = label.call({ ...node, address, [property]: value })
            assert.ok(!shown.includes(SECRET), `${type}.${property} = ${value}: ${shown}`)
          }
    }
  })
})
