import assert from 'node:assert/strict'
import { PipelineError } from '../../../src/wire/errors'
import type { WireRecord } from '../../../src/wire/message'
import {
  applyRoute,
  TopicRouter,
  type Route,
  type TopicRouterOptions,
} from '../../../src/tenant/topic-router'

const OPTIONS: TopicRouterOptions = {
  pattern: 'rt/{tenant}/{project}/{device?}',
  allowedTenant: '[A-Za-z0-9_-]{1,64}',
  allowedProject: '[A-Za-z0-9_-]{1,64}',
  strategy: 'shared',
  kafkaTopic: 'iot-messages',
  topicTemplate: '{tenant}.{project}',
  keyTemplate: '',
}

const router = (options: Partial<TopicRouterOptions> = {}) => new TopicRouter({ ...OPTIONS, ...options })

function writeRequestOf(topic: string, options: Partial<TopicRouterOptions> = {}): Route {
  const route = router(options).route(topic)
  if (route instanceof PipelineError) throw route
  return route
}

function problemOf(topic: unknown, options: Partial<TopicRouterOptions> = {}): PipelineError {
  const route = router(options).route(topic)
  assert.ok(route instanceof PipelineError)
  assert.equal(route.retryable, false)
  return route
}

describe('topic router', () => {
  it('sends all tenants to the shared topic, with a key for each device', () => {
    assert.deepEqual(writeRequestOf('rt/acme/north/d1'), {
      levels: { tenant: 'acme', project: 'north', device: 'd1' },
      kafkaTopic: 'iot-messages',
      key: 'acme/north/d1',
    })
  })

  it('names a Kafka topic for each tenant and project', () => {
    const route = writeRequestOf('rt/acme/north/d1', { strategy: 'template', keyTemplate: '{project}' })
    assert.equal(route.kafkaTopic, 'acme.north')
    assert.equal(route.key, 'north')
  })

  it('keeps devices without the optional level together', () => {
    assert.equal(writeRequestOf('rt/acme/north').key, 'acme/north')
  })

  it('refuses names that would put two tenants into one Kafka topic', () => {
    assert.equal(problemOf('rt/a.b/c/d').code, 'NAME_NOT_ALLOWED')
    assert.equal(problemOf('rt/a/b.c/d').code, 'NAME_NOT_ALLOWED')
    const dotted = { allowedTenant: '.+', allowedProject: '.+', strategy: 'template' } as const
    assert.equal(problemOf('rt/a.b/c/d', dotted).code, 'KAFKA_TOPIC_INVALID')
    assert.equal(writeRequestOf('rt/a/b.c/d', dotted).kafkaTopic, 'a.b.c')
  })

  it('refuses a Kafka topic that Kafka would refuse', () => {
    const template = {
      strategy: 'template',
      topicTemplate: '{device}',
      pattern: 'rt/{tenant}/{device}',
    } as const
    assert.match(problemOf('rt/acme/a b', template).message, /characters other than/)
    assert.match(problemOf(`rt/acme/${'x'.repeat(250)}`, template).message, /at most 249/)
    assert.equal(problemOf('rt/acme/..', template).code, 'KAFKA_TOPIC_INVALID')
  })

  it('says why a topic has no route, without a topic of any length in the text', () => {
    assert.equal(
      problemOf('x/acme/north').message,
      'topic "x/acme/north" does not match "rt/{tenant}/{project}/{device?}": level 1 is not "rt"',
    )
    assert.equal(problemOf(undefined).code, 'TOPIC_MISSING')
    assert.equal(problemOf('').code, 'TOPIC_MISSING')
    assert.equal(problemOf(17).code, 'TOPIC_MISSING')
    assert.ok(problemOf(`x/${'y'.repeat(60_000)}`).message.length < 300)
  })

  const refusals: [what: string, options: Partial<TopicRouterOptions>, why: RegExp][] = [
    ['a pattern without a tenant', { pattern: 'rt/{project}' }, /must have a level \{tenant\}/],
    ['an optional tenant', { pattern: 'rt/{tenant?}' }, /must have a level \{tenant\}/],
    ['a shared topic with odd characters', { kafkaTopic: 'iot messages' }, /characters other than/],
    ['no shared topic', { kafkaTopic: '' }, /cannot be empty/],
    ['a topic of Kafka itself', { kafkaTopic: '__consumer_offsets' }, /of Kafka itself/],
    ['a template with an optional level', { strategy: 'template', topicTemplate: '{device}' }, /is optional/],
    [
      'touching names',
      { strategy: 'template', topicTemplate: '{tenant}{project}' },
      /text between two names/,
    ],
    ['a template without a name', { strategy: 'template', topicTemplate: 'all' }, /has no name/],
    [
      'text that no topic can have',
      { strategy: 'template', topicTemplate: '{tenant}/{project}' },
      /characters other/,
    ],
    ['an unknown name in the key', { keyTemplate: '{site}' }, /\{site\} is not in the topic pattern/],
  ]
  for (const [what, options, why] of refusals) {
    it(`refuses ${what} at deploy`, () => {
      assert.throws(() => router(options), { code: 'CONFIG_INVALID', message: why })
    })
  }

  it('does not look at the choice that is not taken', () => {
    router({ strategy: 'shared', topicTemplate: '{nonsense' })
    router({ strategy: 'template', kafkaTopic: 'no topic' })
  })
})

describe('applying a route', () => {
  it('sets tenant, levels and Kafka fields, and leaves payload and topic alone', () => {
    const payload = Buffer.from([0, 255])
    const record: WireRecord = { topic: 'rt/acme/north/d1', payload }
    applyRoute(record, writeRequestOf('rt/acme/north/d1'))
    assert.equal(record.payload, payload)
    assert.deepEqual(record, {
      topic: 'rt/acme/north/d1',
      payload,
      tenant: 'acme',
      project: 'north',
      device: 'd1',
      levels: { tenant: 'acme', project: 'north', device: 'd1' },
      kafka: { topic: 'iot-messages', key: 'acme/north/d1' },
    })
  })

  it('gives each message levels of its own', () => {
    const route = writeRequestOf('rt/acme/north/d1')
    const record: WireRecord = {}
    applyRoute(record, route)
    Object.assign(record.levels as object, { tenant: 'changed by a Function node' })
    assert.equal(route.levels.tenant, 'acme')
  })

  it('keeps headers that an earlier node has set, and no device of an earlier node', () => {
    const record: WireRecord = { device: 'old', kafka: { partition: 3, headers: { site: 'x' } } }
    applyRoute(record, writeRequestOf('rt/acme/north'))
    assert.equal('device' in record, false)
    assert.deepEqual(record.kafka, { topic: 'iot-messages', key: 'acme/north', headers: { site: 'x' } })
  })

  it('keeps the position of a record that was read from Kafka', () => {
    const kafka = { topic: 'elsewhere', partition: 3, offset: 17 }
    const record: WireRecord = { kafka }
    applyRoute(record, writeRequestOf('rt/acme/north/d1'))
    assert.equal(record.kafka, kafka)
    assert.equal(record.tenant, 'acme')
  })
})
