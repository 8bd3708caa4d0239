/** What surrounds a payload in MQTT and Kafka, as far as it reaches the sink: P101 to P116. */
import { fields, payload, ROWS, type PoisonInput } from './poison-input'

const stored = (title: string, tenant: string): PoisonInput =>
  fields(
    'P102',
    `the tenant ${title}`,
    { tenant, project: tenant },
    { row: { tenant_id: tenant, project_id: tenant } },
  )

export const ENVELOPE: readonly PoisonInput[] = [
  ...['a/+/#', '$SYS/broker/uptime', 'a//b', '/a/', '/', '\ufeff', ' a b ', 't/'.repeat(30_000)].map(
    (topic) =>
      fields(
        'P101',
        `the topic ${JSON.stringify(topic.slice(0, 20))}`,
        { topic },
        { row: { mqtt_topic: topic } },
      ),
  ),
  fields('P101', 'a NUL in the topic', { topic: 'a/\0/b' }, { deadLetter: '22021' }),
  fields(
    'P101',
    'half of a surrogate pair in the topic',
    { topic: 'a/\udc00' },
    { deadLetter: 'NOT_ENCODABLE' },
  ),
  // Names are confined where topics are read; another producer may have written any, and they stay apart.
  stored('a.b', 'a.b'),
  stored('a_b', 'a_b'),
  stored('A_B', 'A_B'),
  stored('..', '..'),
  stored('.', '.'),
  stored('of 300 characters', 't'.repeat(300)),
  stored('__consumer_offsets', '__consumer_offsets'),
  stored('with a letter of another alphabet', 'ten\u0430nt'),
  stored('with a combining accent', 'te\u0301nant'),
  stored('%2e%2e', '%2e%2e'),
  stored('of nothing', ''),
  fields('P102', 'a NUL in the tenant', { tenant: 'a\0b' }, { deadLetter: '22021' }),
  fields('P103', 'a path', { tenant: '../../etc/passwd' }, { row: { tenant_id: '../../etc/passwd' } }),
  fields(
    'P104',
    'user properties',
    { userProperties: { ['__proto__']: 'x', tenant: ['a', 'b'] } },
    {
      row: { tenant_id: 'clean' },
    },
  ),
  // A tombstone has nothing to say about the table: a row without a payload.
  fields('P110', 'no value', { payload: null }, { row: { payload: null } }),
  fields(
    'P110',
    'no key, no headers, no timestamp',
    { kafka: { topic: 'k', partition: 0, key: null } },
    {
      row: { kafka_topic: 'k' },
    },
  ),
  fields(
    'P110',
    'the timestamp -1',
    { kafka: { topic: 'k', partition: 0, timestamp: -1 } },
    {
      row: { kafka_topic: 'k' },
    },
  ),
  fields(
    'P110',
    'a timestamp that the table has no day for',
    { kafka: { topic: 'k', timestamp: 0 } },
    {
      deadLetter: 'TIME_INVALID',
    },
  ),
  ...payload(
    'P111',
    'what looks like a dead letter',
    '{"reason":"x","code":"22P02","payload":"e30=","payload_encoding":"base64","attempts":3}',
    ROWS,
  ),
  ...payload('P112', 'templates', '{"a":"{{env}} ${HOME} #{x} <%= 1 %> $eval(\\"1\\")"}', ROWS),
  ...payload('P113', 'a formula and a script', '{"a":"=1+1","b":"<script>alert(1)</script>"}', ROWS),
]
