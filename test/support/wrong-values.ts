/** A wrong value for every option of every node, for the tests of the dialogs. */
import { nodeTypes, optionsOf } from './package'

export interface WrongValue {
  readonly type: string
  readonly property: string
  readonly value: unknown
  /** The settings with which it is wrong. */
  readonly others: Readonly<Record<string, unknown>>
}

/** Any text is right. */
const ANYTHING = [] as const
const NAME = ['two words', '1st', "a'b"] as const
type Given = readonly (string | readonly [value: string | number | boolean, others: object])[]

const TEXTS: Readonly<Record<string, Readonly<Record<string, Given>>>> = {
  'tenant-mqtt-broker': {
    url: ['', 'not a url', 'http://x', 'mqtt://me:secret@broker', 'mqtt://h:99999'],
    clientId: [''],
    user: ANYTHING,
    passwordEnv: ['my secret'],
    // No text, and wrong all the same, unless unsafe settings are allowed.
    cleanSession: [[true, {}]],
    sessionExpirySeconds: [[0, {}]],
  },
  'tenant-mqtt-source': {
    topic: ['', 'a/#/b', 'a/+/c,a/b/#', '$share/g'],
    clientId: ANYTHING,
    messageIdName: [
      ['', { messageId: 'userProperty' }],
      ['no-slash', { messageId: 'jsonPointer' }],
    ],
  },
  'tenant-topic': {
    pattern: ['', 'plant/#', '{tenant}/#/x', '{tenant?}/x', '{tenant}/{tenant}'],
    allowedTenant: ['', '[a-', '(a)\\1', 'a(?!b)'],
    allowedProject: ['', '[a-', '(a)\\1'],
    kafkaTopic: [
      ['bad topic!', { strategy: 'shared' }],
      ['__x', { strategy: 'shared' }],
    ],
    topicTemplate: ['{nothere}', '{tenant', '{tenant}{project}', 'iot', 'a b.{tenant}'].map((value) => [
      value,
      { strategy: 'template' },
    ]),
    keyTemplate: ['{nothere}', '{tenant'],
  },
  'tenant-kafka-cluster': {
    brokers: ['', 'kafka:99999', 'SSL://kafka:9093', 'me:secret@kafka'],
    clientId: ['two words'],
    passwordEnv: ['my secret'],
    tokenUrl: ['login.example', ['', { sasl: 'oauthbearer' }]],
    tokenScope: ANYTHING,
  },
  'tenant-kafka-producer': { topic: ['bad topic!'] },
  'tenant-kafka-consumer': {
    topics: ['', 'bad topic!', '/([/', '/a(?!b)/', 'a,,b'],
    group: ['', 'with space'],
    topicPattern: ['{nothere'],
    startTime: [
      ['yesterday evening', { start: 'time' }],
      ['2026-02-30', { start: 'time' }],
      ['', { start: 'time' }],
    ],
  },
  'tenant-postgres': {
    url: [
      ['not a url', { address: 'url' }],
      ['postgres://me:secret@host/db', { address: 'url' }],
    ],
    host: [['a b', { address: 'fields' }]],
    databaseName: [['', { address: 'fields' }]],
    user: [['', { address: 'fields' }]],
    passwordEnv: ['my secret'],
    ledgerSchema: ['', ...NAME],
    ledgerTable: ['', ...NAME],
  },
  'tenant-postgres-sink': {
    schema: ['', ...NAME],
    table: ['', ...NAME],
    tenantSchema: ['', 'tenant', '{tenant}'],
    readerRole: [...NAME, ['readers', { tenancy: 'schema' }]],
    timeProperty: ['payload..x'],
    columns: ['[]', '{', '[{"column":"a b","from":"topic"}]'],
    key: [
      ['nothere', { exactlyOnce: 'key' }],
      ['time', { exactlyOnce: 'key' }],
    ],
    ledgerName: ANYTHING,
    deadLetterTable: ['', ...NAME],
    pastDays: [[2, { retentionDays: 3, createTable: true }]],
    compressAfterDays: [[7, { readerRole: 'readers' }]],
  },
  'tenant-rollup': {
    schema: ['', ...NAME],
    table: ['', ...NAME],
    metrics: ['payload..x', 'payload.a, payload.a', 'nothing.known'],
    timeProperty: ['payload..x'],
    ledgerName: ANYTHING,
    deadLetterTable: ['', ...NAME],
  },
  'tenant-postgres-apply': {
    statement: [''],
    parameters: ['', 'payload..x', 'nothere', 'payload.a,,payload.b'],
    ledgerName: [''],
    schema: ['', ...NAME],
    deadLetterTable: ['', ...NAME],
  },
  'tenant-validate': {
    rules: [
      ...[
        '',
        '{',
        '[]',
        '[{"when":"any"}]',
        '[{"when":"any","schema":"{"}]',
        '[{"when":"or","schema":"{}"}]',
      ],
      ...['[{"when":"tenant","is":"(?=a)","schema":"{}"}]', '[{"when":"topic","is":"a/#/b","schema":"{}"}]'],
    ],
  },
  'tenant-dead-letter': { topic: ['', 'bad topic!'], schema: ['', ...NAME], table: ['', ...NAME] },
  'tenant-dead-letter-source': {
    schema: ['', ...NAME],
    table: ['', ...NAME],
    tenant: ANYTHING,
    reason: ANYTHING,
    from: ['yesterday', '2026-13-45'],
    to: ['13.11.2026'],
  },
}

/** @throws Error when an option has no wrong value here */
export function wrongValues(): WrongValue[] {
  return nodeTypes.flatMap((type) =>
    Object.entries(optionsOf(type)).flatMap(([property, option]) => {
      const special = TEXTS[type]?.[property]
      if (option.kind === 'text' && special === undefined)
        throw new Error(`test/support/wrong-values.ts has no wrong value for ${property} of ${type}`)
      const usual =
        option.kind === 'integer'
          ? [option.min - 1, option.max + 1, '1.5', 'soon']
          : option.kind === 'text'
            ? []
            : ['nonsense']
      return [
        ...usual.map((value) => ({ type, property, value, others: {} })),
        ...(special ?? []).map((given) =>
          typeof given === 'string'
            ? { type, property, value: given, others: {} }
            : { type, property, value: given[0], others: { ...given[1] } },
        ),
      ]
    }),
  )
}
