import assert from 'node:assert/strict'
import { reserveTopic } from '../../../src/tenant/reserved-topics'
import { TopicRouter, type TopicRouterOptions } from '../../../src/tenant/topic-router'

const DEFAULT = '[A-Za-z0-9_-]{1,64}'

function router(options: Partial<TopicRouterOptions>): (tenant: string) => string {
  const built = new TopicRouter({
    pattern: '{tenant}/{project}',
    allowedTenant: DEFAULT,
    allowedProject: DEFAULT,
    strategy: 'template',
    kafkaTopic: 'iot-messages',
    topicTemplate: '{tenant}',
    keyTemplate: '',
    ...options,
  })
  return (tenant) => {
    const route = built.route(`${tenant}/north`)
    return route instanceof Error ? route.code : route.kafkaTopic
  }
}

describe('names of devices', () => {
  it('never lead into a topic that is written to for all tenants', () => {
    const plain = router({})
    const withText = router({ topicTemplate: 'iot-{tenant}' })
    const release = reserveTopic('plant-letters')
    for (const tenant of ['iot-messages', 'iot-dead-letters', 'plant-letters']) {
      assert.equal(plain(tenant), 'KAFKA_TOPIC_INVALID')
    }
    assert.equal(withText('dead-letters'), 'KAFKA_TOPIC_INVALID')
    release()
    release()
    assert.equal(plain('plant-letters'), 'plant-letters', 'no node writes to it any more')
    assert.equal(plain('acme'), 'acme')
  })

  it("lead into a topic of Kafka's tools only where the template or the list of tenants says so", () => {
    const tools = [
      '_schemas',
      '_confluent-metrics',
      'connect-configs',
      'eu-connect-offsets',
      'connect-status',
    ]
    for (const tenant of tools) {
      assert.equal(router({})(tenant), 'KAFKA_TOPIC_INVALID')
      assert.equal(router({ topicTemplate: 'iot.{tenant}' })(tenant), `iot.${tenant}`)
      assert.equal(router({ allowedTenant: `acme|${tenant}` })(tenant), tenant)
    }
    assert.equal(router({ topicTemplate: '{tenant}.{project}' })('_acme'), '_acme.north')
  })

  it('are not looked at where all share one topic', () => {
    assert.equal(router({ strategy: 'shared' })('iot-dead-letters'), 'iot-messages')
  })
})
