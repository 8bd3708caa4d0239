/** Poison that ends before the sink, or that is more than one record: what becomes of it, and the test that says so. */
import type { PoisonInput } from './poison-input'

export interface HeldElsewhere {
  readonly id: PoisonInput['id']
  readonly what: string
  readonly test: readonly [file: string, title: string]
}

const MQTT = 'test/integration/mqtt-poison.test.ts'
const SOURCE = 'test/integration/mqtt-source.test.ts'
const WINDOW = 'test/src/mqtt/session/acknowledgement-window.test.ts'

export const ELSEWHERE: readonly HeldElsewhere[] = [
  {
    id: 'P23',
    what: 'a compressed payload is bytes, and nothing in the pipeline inflates it',
    test: ['test/integration/poison.test.ts', 'for a sink of'],
  },
  {
    id: 'P45',
    what: 'a string of 260 MiB is larger than MQTT can carry, and a dead letter where another producer wrote it',
    test: ['test/integration/poison.test.ts', 'P45: a string of 260 MiB'],
  },
  {
    id: 'P46',
    what: 'JSON and broken JSON by the hundred, with PostgreSQL itself as the judge',
    test: [
      'test/integration/poison-corpora.test.ts',
      'of broken JSON exactly what PostgreSQL refuses is rejected',
    ],
  },
  {
    id: 'P91',
    what: 'one key twice in a batch is one row',
    test: [
      'test/integration/postgres-key.test.ts',
      'writes a record that comes again once, alone, in a batch, and twice in one batch',
    ],
  },
  {
    id: 'P92',
    what: 'the message id of another tenant: both are rows, the tenant is part of the key',
    test: [
      'test/integration/postgres-key.test.ts',
      'keeps records of two tenants that have everything else in common',
    ],
  },
  {
    id: 'P94',
    what: 'more values than a statement may have: rows go by COPY, dead letters as arrays',
    test: ['test/integration/poison.test.ts', 'P94: a batch of more values'],
  },
  {
    id: 'P100',
    what: 'names of tables and columns come from the configuration only, and are confined and quoted',
    test: ['test/src/postgres/connect/identifiers.test.ts', 'have nothing that could end a quoted name'],
  },
  {
    id: 'P100',
    what: 'long names that would be cut to the same 63 bytes stay apart',
    test: [
      'test/src/postgres/connect/identifiers.test.ts',
      'stay apart when they are derived from names that begin alike and are long',
    ],
  },
  {
    id: 'P101',
    what: 'a topic with empty levels has no tenant',
    test: ['test/src/tenant/topic-pattern.test.ts', 'does not take an empty level for a name'],
  },
  {
    id: 'P101',
    what: 'a topic of any length fills no log',
    test: [
      'test/src/tenant/topic-router.test.ts',
      'says why a topic has no route, without a topic of any length in the text',
    ],
  },
  {
    id: 'P101',
    what: 'topics that no broker should let through',
    test: [MQTT, 'emits topics as they are, however odd'],
  },
  {
    id: 'P102',
    what: 'tenants that would become one Kafka topic are refused where topics are read',
    test: [
      'test/src/tenant/topic-router.test.ts',
      'refuses names that would put two tenants into one Kafka topic',
    ],
  },
  {
    id: 'P102',
    what: 'every other form of a name is refused, with the form',
    test: ['test/src/tenant/names.test.ts', 'refuses everything else with the name and the form'],
  },
  {
    id: 'P102',
    what: "a template does not reach Kafka's own topics",
    test: ['test/src/tenant/kafka-topic.test.ts', 'is none of Kafka itself'],
  },
  {
    id: 'P104',
    what: 'user properties with our names, twice, large, and __proto__',
    test: [MQTT, 'keeps user properties apart from its own fields'],
  },
  {
    id: 'P105',
    what: 'a topic alias that was never allowed: the connection ends and the next one works',
    test: [MQTT, 'leaves a broker that uses a topic alias'],
  },
  {
    id: 'P106',
    what: 'a record larger than the Kafka topic takes is given back alone',
    test: [
      'test/integration/kafka-producer.test.ts',
      'gives back a record that is too large, and stores the others in order',
    ],
  },
  {
    id: 'P107',
    what: 'a message that expires in its second is a message like any other once it has come',
    test: [MQTT, 'emits messages that are about to expire'],
  },
  {
    id: 'P108',
    what: 'a retained message is asked for by a new subscription only, and marked',
    test: [SOURCE, 'asks a retained message of a new subscription only'],
  },
  {
    id: 'P109',
    what: 'DUP at a first delivery makes a message of its own',
    test: [MQTT, 'takes a first delivery with DUP for a message'],
  },
  {
    id: 'P109',
    what: 'the same message without DUP is another message, with DUP it is joined',
    test: [WINDOW, 'joins a repetition to the message that is still in work'],
  },
  {
    id: 'P110',
    what: 'a tombstone is not an empty payload',
    test: ['test/src/record/envelope.test.ts', 'knows a tombstone from an empty payload'],
  },
  {
    id: 'P110',
    what: 'transaction markers and aborted records leave gaps between offsets',
    test: [
      'test/support/driver-contract/consumer.ts',
      'skips transaction markers and aborted records, and commits beyond them',
    ],
  },
  {
    id: 'P110',
    what: 'records of other producers are passed on',
    test: ['test/src/kafka/consume/consumed-record.test.ts', 'passes the bytes of other producers on'],
  },
  {
    id: 'P114',
    what: 'naughty strings as tenant, topic, key, header and value',
    test: [
      'test/integration/poison-corpora.test.ts',
      'naughty strings are what they are, as tenant, topic, key, header and value',
    ],
  },
  {
    id: 'P115',
    what: 'a last will and the empty message that clears a retained one are messages like any other',
    test: [MQTT, 'emits a last will, and the empty message that clears a retained one'],
  },
  {
    id: 'P116',
    what: '100,000 topics: what is remembered of topics has a bound',
    test: [
      'test/src/tenant/topic-cache.test.ts',
      'keeps what is asked for, and never more than two generations',
    ],
  },
  {
    id: 'P116',
    what: 'thousands of Kafka topics share the lanes',
    test: ['test/src/batching/lanes.test.ts', 'work with thousands of topics, each record stored once'],
  },
]
