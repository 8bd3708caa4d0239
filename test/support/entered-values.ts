/**
 * What a user enters into every field of every dialog: another valid value than the node has. Numbers, choices, flags and
 * configuration nodes follow from the option tables; texts are given here.
 */
import { unitsOf, shown, type Quantity } from '../../editor/quantity'
import type { IntegerOption } from '../../src/config/options'
import type { FlowEntry } from '../../dev/node-red'
import { fresh } from './editor'
import { editorDefinition, nodeTypes, optionsOf } from './package'

type Value = string | boolean

/** A node, and what is entered into its dialog. */
export interface EditedNode {
  readonly entry: FlowEntry
  readonly fields: readonly Field[]
}

/** How a field is filled, and what the property has then. */
export type Field = { readonly property: string; readonly saved: Value } & (
  | { readonly kind: 'select' | 'check' | 'text' | 'secret' | 'columns' }
  | { readonly kind: 'quantity'; readonly shown: Quantity }
)

interface Case {
  /** Of the node before, so that fields are shown, and change. */
  readonly before?: Readonly<Record<string, unknown>>
  readonly entered?: Readonly<Record<string, Value>>
}

const MQTT = 'tenant-mqtt-broker-1'
const KAFKA = 'tenant-kafka-cluster-1'
const POSTGRES = 'tenant-postgres-1'

/** What a `tenant-postgres-apply` cannot be without. */
const APPLIED = { statement: 'select $1::text', parameters: 'payload', ledgerName: 'texts' }

/** Every secret has it, so that it is found wherever it should not be. */
export const CANARY = 'canary-7f3a'

/** Several where fields exclude each other; a field that a case does not show is filled by another one. None where all follows. */
const CASES: Readonly<Record<string, readonly Case[]>> = {
  'tenant-mqtt-broker': [
    {
      before: { url: 'mqtt://127.0.0.1:1', clientId: 'gateway' },
      entered: {
        url: 'mqtts://a.example:8883,mqtt://b.example',
        clientId: 'gateway-2',
        user: 'device',
        passwordEnv: 'MQTT_PASSWORD',
        password: `${CANARY}-mqtt`,
      },
    },
  ],
  'tenant-mqtt-source': [
    {
      before: { broker: MQTT, topic: 'a/#' },
      entered: {
        topic: '$share/pipeline/plant/+/temperature, line/#',
        messageId: 'jsonPointer',
        messageIdName: '/header/id',
        clientId: 'press-7',
        mode: 'batch',
      },
    },
    {
      before: { broker: MQTT, topic: 'a/#', mode: 'message' },
      entered: { messageId: 'userProperty', messageIdName: 'id' },
    },
  ],
  'tenant-topic': [
    {
      entered: {
        pattern: 'plant/{tenant}/{project}/{device?}/#',
        allowedTenant: '[a-z]{1,8}',
        allowedProject: '[a-z0-9-]+',
        kafkaTopic: 'readings',
        keyTemplate: '{tenant}/{device}',
        strategy: 'shared',
      },
    },
    { entered: { pattern: '{tenant}/{project}/{line}/#', topicTemplate: 'iot.{tenant}.{line}' } },
  ],
  // As text, which the dialog shows for what rows cannot: a name that is a number. `validate-dialog.test.ts` enters rows.
  'tenant-validate': [
    {
      before: { rules: '[{"name":1,"when":"any","schema":"{}"}]' },
      entered: { rules: '[{"name":2,"when":"tenant","is":"acme","schema":"{}"}]' },
    },
  ],
  'tenant-kafka-cluster': [
    {
      before: { brokers: '127.0.0.1:1' },
      entered: {
        brokers: 'kafka-1.example:9092,kafka-2.example:9092',
        clientId: 'gateway',
        sasl: 'scram-sha-512',
        username: 'writer',
        password: `${CANARY}-kafka`,
        passwordEnv: 'KAFKA_PASSWORD',
      },
    },
    {
      before: { brokers: '127.0.0.1:1' },
      entered: {
        sasl: 'oauthbearer',
        username: 'client',
        password: `${CANARY}-token`,
        tokenUrl: 'https://login.example/oauth2/token',
        tokenScope: 'kafka',
      },
    },
  ],
  'tenant-kafka-producer': [
    { before: { cluster: KAFKA }, entered: { topic: 'readings', missingTopic: 'create' } },
    { before: { cluster: KAFKA } },
  ],
  'tenant-kafka-consumer': [
    {
      before: { cluster: KAFKA, database: POSTGRES, topics: 'a', group: 'g' },
      entered: {
        topics: 'readings, alarms',
        group: 'halle-7',
        topicPattern: '{tenant}.{project}',
        start: 'time',
        startTime: '2026-11-20T08:00:00Z',
        mode: 'record',
        missingTopic: 'create',
      },
    },
    {
      before: { cluster: KAFKA, topics: 'a', group: 'g', mode: 'record' },
      entered: { topics: '/^plant\\.[a-z]+$/' },
    },
  ],
  'tenant-postgres': [
    {
      before: { url: 'postgres://me@127.0.0.1:1/db' },
      entered: {
        address: 'fields',
        host: 'db-1.example, db-2.example:5433',
        databaseName: 'iot',
        user: 'writer',
        passwordEnv: 'PGPASSWORD',
        password: `${CANARY}-postgres`,
        ledgerSchema: 'pipeline',
        ledgerTable: 'positions',
      },
    },
    {
      before: { address: 'fields', databaseName: 'db', user: 'me', tlsMode: 'off' },
      entered: { address: 'url', url: 'postgres://writer@db.example:5432/iot', tlsMode: 'verify' },
    },
  ],
  'tenant-rollup': [
    {
      before: { database: POSTGRES, minute: true, quarter: true, hour: true, day: true },
      entered: {
        createTable: true,
        schema: 'iot',
        table: 'sums',
        metrics: 'payload.temperature, payload.values.0',
        minute: true,
        minuteDays: '3',
        quarter: true,
        quarterDays: '30',
        hour: true,
        hourDays: '300',
        day: true,
        dayDays: '3000',
        timeProperty: 'payload.at',
        ledgerName: 'sums of plant 7',
        deadLetterTable: 'rejected',
      },
    },
    {
      before: { database: POSTGRES },
      entered: { createTable: false, minute: false, quarter: true, hour: false, day: false },
    },
  ],
  'tenant-postgres-sink': [
    {
      before: { database: POSTGRES },
      entered: {
        createTable: true,
        schema: 'iot',
        table: 'readings',
        retentionDays: '7',
        pastDays: '60',
        tenancy: 'shared',
        readerRole: 'readers',
        compressAfterDays: '0',
        timeProperty: 'payload.at',
        exactlyOnce: 'ledger',
        ledgerName: 'readings of plant 7',
        deadLetters: 'table',
        deadLetterTable: 'rejected',
        columns: JSON.stringify([
          { column: 'at', from: 'time' },
          { column: 'tenant_id', from: 'tenant' },
          { column: 'degrees', from: 'payload.values.0', type: 'double precision' },
          { column: 'clock', from: 'timeSource' },
        ]),
      },
    },
    {
      before: { database: POSTGRES },
      entered: {
        createTable: true,
        tenancy: 'schema',
        tenantSchema: 'plant_{tenant}',
        exactlyOnce: 'key',
        key: 'tenant_id, message_id, time',
        compressAfterDays: '2',
      },
    },
    { before: { database: POSTGRES } },
  ],
  'tenant-postgres-apply': [
    {
      before: { database: POSTGRES, ...APPLIED },
      entered: {
        statement: 'update stock set quantity = quantity - $2 where article = $1',
        parameters: 'payload.article, payload.quantity',
        ledgerName: 'take-stock',
        unchanged: 'reject',
        deadLetters: 'table',
        schema: 'iot',
        deadLetterTable: 'rejected',
      },
    },
    { before: { database: POSTGRES, ...APPLIED }, entered: { deadLetters: 'output' } },
  ],
  'tenant-dead-letter': [
    {
      before: { cluster: KAFKA, missingTopic: 'wait' },
      entered: { target: 'kafka', topic: 'rejected', missingTopic: 'create' },
    },
    {
      before: { cluster: KAFKA, database: POSTGRES },
      entered: { target: 'table', schema: 'iot', table: 'rejected' },
    },
  ],
  'tenant-dead-letter-source': [
    {
      before: { database: POSTGRES },
      entered: {
        schema: 'iot',
        table: 'rejected',
        tenant: 'acme',
        reason: 'too large',
        from: '2026-11-20T08:00:00Z',
        to: '1763625600000',
      },
    },
  ],
}

/** The id of another configuration node that a field can choose. */
export const other = (type: string): string => `${type}-other`

/** @throws Error when something is entered into a field that there is not */
export function editedNodes(): EditedNode[] {
  return nodeTypes.flatMap((type) =>
    (CASES[type] ?? [{}]).map(({ before, entered = {} }, index) => {
      const entry = fresh(type, { ...before, id: `${type}-${index + 1}` })
      return { entry, fields: fieldsOf(entry, entered) }
    }),
  )
}

/** What shows or hides other fields comes first. */
function fieldsOf(entry: FlowEntry, entered: Readonly<Record<string, Value>>): Field[] {
  const { defaults, credentials = {} } = editorDefinition(entry.type)
  const names = [...Object.keys(defaults), ...Object.keys(credentials)]
  const unknown = Object.keys(entered).find((name) => !names.includes(name))
  if (unknown !== undefined) throw new Error(`${entry.type} has no ${unknown}`)
  const fields = names.flatMap((name) => fieldOf(entry, name, entered[name]) ?? [])
  const decides = ({ kind }: Field): boolean => kind === 'select' || kind === 'check'
  return [...fields.filter(decides), ...fields.filter((field) => !decides(field))]
}

/** @returns `undefined` when the property stays as it is */
function fieldOf(entry: FlowEntry, property: string, given: Value | undefined): Field | undefined {
  const { defaults, credentials = {} } = editorDefinition(entry.type)
  const reference = defaults[property]?.type
  const option = optionsOf(entry.type)[property]
  const before = entry[property] as Value
  const field = (kind: Exclude<Field['kind'], 'quantity'>, saved = given): Field | undefined =>
    saved === undefined || String(saved) === String(before) ? undefined : { property, kind, saved }
  if (property === 'name') return field('text', 'renamed')
  if (property === 'columns') return field('columns')
  if (reference !== undefined) return field('select', other(reference))
  if (option?.kind === 'choice')
    return field('select', given ?? option.choices.find((choice) => choice !== before))
  if (option?.kind === 'flag') return field('check', given ?? !before)
  if (option?.kind !== 'integer') return field(credentials[property]?.type === 'password' ? 'secret' : 'text')
  const saved = String(given ?? anotherNumber(option, Number(before)))
  const units = unitsOf(option)
  if (units === undefined || saved === String(before)) return field('text', saved)
  return { property, kind: 'quantity', saved, shown: shown(saved, units) }
}

/** In another unit, if there is one to choose. */
function anotherNumber({ min, max, ...option }: IntegerOption, before: number): number {
  const units = unitsOf({ min, max, ...option })
  if (units === undefined) return before < max ? before + 1 : before - 1
  const unitOfNow = shown(String(before), units).unit
  const found = units
    .filter((unit) => unit !== unitOfNow)
    .flatMap((unit) => [2, 3, 5, 15, 700, 9000].map((amount) => ({ unit, number: amount * unit.factor })))
    .find(({ unit, number }) => number >= min && number <= max && shown(String(number), units).unit === unit)
  if (found === undefined) throw new Error(`no other number between ${min} and ${max} is known`)
  return found.number
}
