/** The addresses of MQTT, Kafka and PostgreSQL: what is read, and that no part of a login is ever shown. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { options as clusterOptions } from '../../../nodes/tenant-kafka-cluster/options'
import { parseBrokers } from '../../../src/kafka/connection'
import { parseBrokerUrls } from '../../../src/mqtt/connect/broker-settings'
import { connectionConfig, parseServers, placeOf } from '../../../src/postgres/connect/connection'
import { PipelineError } from '../../../src/wire/errors'
import { readOptions } from '../../../src/config/options'
import { passwordEnv } from '../../../src/config/secret'
import { editorDefinition } from '../../support/package'

interface Reader {
  readonly scheme: string
  readonly nodeType: string
  readonly property: string
  /** What is shown of an address, and the login that was read. */
  readonly read: (text: string) => { readonly shown: string; readonly login: readonly (string | undefined)[] }
}

const READERS: Readonly<Record<string, Reader>> = {
  MQTT: {
    scheme: 'mqtt://',
    nodeType: 'tenant-mqtt-broker',
    property: 'url',
    read: (text) => {
      const [first, ...others] = parseBrokerUrls(text)
      const shown = [first, ...others].map((url) => url?.host).join(' ')
      return { shown, login: [first?.username, first?.password] }
    },
  },
  WebSocket: {
    scheme: 'wss://',
    nodeType: 'tenant-mqtt-broker',
    property: 'url',
    read: (text) => READERS.MQTT?.read(text) ?? assert.fail(),
  },
  Kafka: {
    scheme: '',
    nodeType: 'tenant-kafka-cluster',
    property: 'brokers',
    read: (text) => ({ shown: parseBrokers(text).join(), login: [] }),
  },
  PostgreSQL: {
    scheme: 'postgres://',
    nodeType: 'tenant-postgres',
    property: 'url',
    read: (text) => {
      const config = connectionConfig(text, 'auto')
      return { shown: placeOf(config), login: [config.user, config.password] }
    },
  },
}

/** None of these is part of anything else, and two could be ports. */
const PIECES = ['Qz7kW', '48151', 'jX4vR', '16234']
const SPECIAL = [...' !"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~', '%41', '%zz', '\u00e4', '://', ', ', '\t']
const HOSTS = [
  'db',
  'DB.example.',
  'a_b',
  '[::1]',
  '[fe80::1%25eth0]',
  'db:5433',
  '[::1]:5433',
  'a:1,b:2',
  '',
]
const REST = ['', '/', '/iot', '/iot?sslmode=require', '?x=1', '/a/b?clientId=c']

const password = fc
  .array(fc.tuple(fc.constantFrom(...PIECES), fc.constantFrom(...SPECIAL)), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.map(([piece, special], index) => (index > 0 ? special : '') + piece).join(''))

const given = fc.record({
  user: fc.constantFrom('', 'writer', 'me'),
  secret: password,
  encoded: fc.boolean(),
  host: fc.constantFrom(...HOSTS),
  rest: fc.constantFrom(...REST),
  prefix: fc.constantFrom('', 'http://', undefined),
})

describe('an address', () => {
  for (const [name, reader] of Object.entries(READERS)) {
    it(`of ${name} never shows a part of its login, whatever its form`, () => {
      const label = editorDefinition(reader.nodeType) as unknown as { label: (this: object) => string }
      fc.assert(
        fc.property(given, ({ user, secret, encoded, host, rest, prefix }) => {
          const login = `${user}:${encoded ? encodeURIComponent(secret) : secret}@`
          const text = `${prefix ?? reader.scheme}${login}${host}${rest}`
          const texts: string[] = [label.label.call({ [reader.property]: text, address: 'url' })]
          try {
            const { shown, login: read } = reader.read(text)
            texts.push(shown)
            if (encoded && read.length > 0) assert.deepEqual(read, [user || read[0], secret])
          } catch (error) {
            if (!(error instanceof PipelineError)) throw error
            assert.equal(error.code, 'CONFIG_INVALID')
            texts.push(error.message, error.statusText)
          }
          for (const shown of texts)
            for (const piece of PIECES)
              assert.ok(
                !shown.toLowerCase().includes(piece.toLowerCase()),
                `${JSON.stringify(text)}: ${shown}`,
              )
        }),
        { numRuns: 2000 },
      )
    })
  }

  for (const text of [
    'me:Qz7kW#x@db',
    'me:Qz7kW',
    'me:12#Qz7kW',
    'me:48/Qz7kW@db',
    'me:48?Qz7kW@db',
    'me:Qz%kW@db',
  ])
    it(`as ${text} is refused with a sentence, and no part of it`, () => {
      for (const reader of Object.values(READERS))
        assert.throws(
          () => reader.read(reader.scheme + text),
          ({ code, message }: PipelineError) =>
            code === 'CONFIG_INVALID' && message.includes('expected') && !/Qz7kW|12|48/.test(message),
        )
    })

  it('says how a login with special characters is written, and where it may stand instead', () => {
    for (const { read, scheme } of [READERS.MQTT, READERS.PostgreSQL] as Reader[]) {
      assert.throws(
        () => read(`${scheme}me:a#b@db`),
        /%2F, %3F and %23; or put user and password into the fields/,
      )
      assert.throws(() => read(`${scheme}me:a%b@db`), /a % itself is written %25/)
    }
  })

  for (const [form, host, at] of [
    ['a name', 'db', 'db'],
    ['a name with an underscore', 'kafka_1', 'kafka_1'],
    ['a name that ends in a dot', 'db.example.', 'db.example.'],
    ['capital letters', 'DB.Example', 'db.example'],
    ['an international name', 'bücher.example', 'xn--bcher-kva.example'],
    ['an IPv4 address', '10.0.0.3', '10.0.0.3'],
    ['an IPv6 address', '[2001:DB8::1]', '[2001:db8::1]'],
    ['an IPv6 address with a zone', '[fe80::1%eth0]', '[fe80::1%eth0]'],
    ['an IPv6 address with a zone as in a URL', '[fe80::1%25eth0]', '[fe80::1%eth0]'],
  ] as const)
    it(`takes ${form}, for all three`, () => {
      assert.equal(READERS.MQTT?.read(`mqtt://${host}:7000`).shown, `${at}:7000`)
      assert.equal(READERS.MQTT?.read(`${host}:7000`).shown, `${at}:7000`)
      assert.equal(READERS.WebSocket?.read(`ws://${host}/mqtt`).shown, `${at}:80`)
      assert.equal(READERS.Kafka?.read(`${host}:7000`).shown, `${at}:7000`)
      assert.equal(READERS.Kafka?.read(host).shown, `${at}:9092`)
      assert.equal(READERS.PostgreSQL?.read(`postgres://${host}:7000/iot`).shown, `${at}:7000/iot`)
      assert.equal(placeOf({ servers: parseServers(host, 5432), database: 'iot' }), `${at}:5432/iot`)
      const { defaults } = editorDefinition('tenant-kafka-cluster')
      assert.equal(defaults.brokers?.validate?.call({}, `${host}:7000`, {}), true)
    })

  it('of PostgreSQL may be the folder of a Unix socket', () => {
    const socket = [{ host: '/run/postgresql', port: 5433 }]
    assert.deepEqual(connectionConfig('postgres://w@%2Frun%2Fpostgresql:5433/iot', 'auto').servers, socket)
    assert.deepEqual(
      connectionConfig('postgres:///iot?host=/run/postgresql&port=5433', 'auto').servers,
      socket,
    )
    assert.deepEqual(parseServers('/run/postgresql', 5433), socket)
    assert.equal(placeOf({ servers: socket, database: 'iot' }), '/run/postgresql/.s.PGSQL.5433/iot')
  })

  it('of MQTT is refused with a client ID in it, which would be used for every connection', () => {
    for (const query of ['clientId=x', 'a=1&clientId=x'])
      assert.throws(() => parseBrokerUrls(`ws://h/mqtt?${query}`), /user, password or client ID after the \?/)
  })

  it('is not quoted where a login was entered by mistake', () => {
    for (const [table, property, value] of [
      [{ passwordEnv: passwordEnv() }, 'passwordEnv', 'Qz7kW#'],
      [clusterOptions, 'tokenUrl', 'https://me:Qz7kW@login.example'],
    ] as const)
      assert.throws(
        () => readOptions(table, { brokers: 'a', [property]: value }),
        ({ message }: Error) =>
          message.includes(`"${property}" is something else`) && !message.includes('Qz7kW'),
      )
  })
})
