import assert from 'node:assert/strict'
import fc from 'fast-check'
import { linesOf, partitionOf, tryTopics } from '../../../nodes/tenant-topic/editor/tried-topics'
import { options } from '../../../nodes/tenant-topic/options'
import { readOptions } from '../../../src/config/options'
import { partitionOfKey } from '../../../src/kafka/produce/murmur2'
import { ownTopicProblem } from '../../../src/tenant/reserved-topics'
import { TopicRouter, type Route } from '../../../src/tenant/topic-router'

const settings = (change: object = {}) =>
  readOptions(options, { pattern: 'rt/{tenant}/{project}/{device?}', ...change })
const tried = (topic: string, change: object = {}, reserved: string[] = []) =>
  tryTopics(settings(change), [topic], { reserved })[0]!.result

describe('topics that are tried in the dialog', () => {
  it('lead where they lead at run time, or are refused with the same sentence', () => {
    const topics = fc.stringMatching(/^(rt|x)(\/[a-c.]{0,3}){0,5}$/)
    const templates = {
      strategy: 'template',
      topicTemplate: 't.{tenant}-{project}',
      keyTemplate: '{project}',
    }
    for (const change of [{}, templates]) {
      const router = new TopicRouter(settings(change))
      fc.assert(
        fc.property(topics, (topic) => {
          const expected = router.route(topic)
          assert.deepEqual(
            tried(topic, change),
            expected instanceof Error ? { reason: expected.message } : expected,
          )
        }),
      )
    }
  })

  it('must not lead to what other nodes write to, which is forgotten again', () => {
    const template = { strategy: 'template', topicTemplate: 'iot.{tenant}' }
    assert.match(
      (tried('rt/a/b', template, ['', 'iot.a']) as { reason: string }).reason,
      /^topic "rt\/a\/b": "iot\.a" is a topic that the nodes of this pipeline write to/,
    )
    assert.equal((tried('rt/a/b', template) as Route).kafkaTopic, 'iot.a')
    assert.equal(ownTopicProblem('iot.a'), undefined)
  })

  it('are not tried with settings that the node refuses', () => {
    assert.throws(() => tried('rt/a/b', { allowedTenant: '[a-' }), /the names allowed for a tenant, "\[a-"/)
  })

  it('are read one a line, each once', () => {
    assert.deepEqual(linesOf(' a/b \r\n\n c d\na/b'), ['a/b', 'c d'])
  })

  it('have the partition that the producer chooses', () => {
    for (const key of ['', 'a', 'acme/p1/dévice', '\u{1f600}/x'])
      assert.equal(partitionOf({ key, kafkaTopic: 't', levels: {} }, 6), partitionOfKey(key, 6))
  })
})
