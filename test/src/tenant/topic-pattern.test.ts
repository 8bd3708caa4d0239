import assert from 'node:assert/strict'
import fc from 'fast-check'
import { TopicPattern } from '../../../src/tenant/topic-pattern'

const REALTIME = 'mtic/msg/client/realtime/{tenant}/{project}/{device}/#'

function levels(pattern: string, topic: string): Record<string, string> | string {
  const match = TopicPattern.compile(pattern).match(topic)
  return 'levels' in match ? match.levels : match.reason
}

describe('topic pattern', () => {
  it('names the levels of a topic', () => {
    const named = { tenant: 'acme', project: 'north', device: 'd1' }
    assert.deepEqual(levels(REALTIME, 'mtic/msg/client/realtime/acme/north/d1'), named)
    assert.deepEqual(levels(REALTIME, 'mtic/msg/client/realtime/acme/north/d1/'), named)
    assert.deepEqual(levels(REALTIME, 'mtic/msg/client/realtime/acme/north/d1/a/b/c'), named)
  })

  it('keeps the names in the order of the pattern', () => {
    assert.deepEqual(Object.keys(levels('{site}/{tenant}/{area}', 'x/y/z')), ['site', 'tenant', 'area'])
    assert.deepEqual(TopicPattern.compile('{site}/+/{tenant}').names, ['site', 'tenant'])
  })

  it('takes literal text around a name off', () => {
    assert.deepEqual(levels('t-{tenant}/{device}.json', 't-acme/d1.json'), { tenant: 'acme', device: 'd1' })
    assert.equal(levels('t-{tenant}', 'x-acme'), 'level 1 is not "t-{tenant}"')
  })

  it('does not let the text before and after a name overlap', () => {
    assert.equal(levels('aba{tenant}aba', 'ababa'), 'level 1 is not "aba{tenant}aba"')
  })

  it('skips one level for +, and takes an empty one', () => {
    assert.deepEqual(levels('+/{tenant}', '/acme'), { tenant: 'acme' })
    assert.equal(levels('+/{tenant}', 'acme'), 'the topic has 1 of at least 2 levels')
  })

  it('does not take an empty level for a name', () => {
    assert.equal(levels('a/{tenant}/{device}', 'a//d'), 'level 2, {tenant}, is empty')
    assert.equal(levels('a/t-{tenant}', 'a/t-'), 'level 2, {tenant}, is empty')
    assert.equal(levels('{tenant}/{device?}', 'acme/'), 'level 2, {device}, is empty')
  })

  it('leaves optional levels out when the topic ends before them', () => {
    const pattern = '{tenant}/{project?}/{device?}'
    assert.deepEqual(levels(pattern, 'acme'), { tenant: 'acme' })
    assert.deepEqual(levels(pattern, 'acme/north'), { tenant: 'acme', project: 'north' })
    assert.deepEqual(levels(pattern, 'acme/north/d1'), { tenant: 'acme', project: 'north', device: 'd1' })
    assert.equal(levels(pattern, 'acme/north/d1/x'), 'the topic has more than 3 levels')
  })

  it('says which level does not match', () => {
    assert.equal(levels(REALTIME, 'mtic/msg/server/realtime/a/b/c'), 'level 3 is not "client"')
    assert.equal(levels(REALTIME, 'mtic/msg/client/realtime/a/b'), 'the topic has 6 of at least 7 levels')
    assert.equal(levels('{tenant}', 'a/b'), 'the topic has more than 1 levels')
  })

  it('treats characters of regular expressions as text', () => {
    assert.deepEqual(levels('a.b/(x|{tenant})', 'a.b/(x|acme)'), { tenant: 'acme' })
    assert.equal(levels('a.b/{tenant}', 'axb/acme'), 'level 1 is not "a.b"')
  })

  const refusals: [pattern: string, why: RegExp][] = [
    ['', /it is empty/],
    ['a/#/b', /"#" stands at level 2; it may only be the last level/],
    ['a/b#', /"\+" and "#" stand alone/],
    ['a+/{tenant}', /"\+" and "#" stand alone/],
    ['{tenant}{project}', /a level holds one name/],
    ['{tenant}-{project}', /a level holds one name/],
    ['{tenant', /a "\{" or a "\}" without the other/],
    ['a}b{tenant}', /a "\{" or a "\}" without the other/],
    ['a}', /a "\}" without a "\{"/],
    ['{}', /"\{\}" at level 1 is not a name/],
    ['{__proto__}', /is not a name/],
    ['{te nant}', /is not a name/],
    ['{tenant}/{tenant}', /\{tenant\} stands in it twice/],
    ['{tenant}/{project?}/{device}', /\{project\?\} is optional/],
    ['{tenant}/{project?}/literal', /\{project\?\} is optional/],
    ['{tenant}/{project?}/+', /\{project\?\} is optional/],
  ]
  for (const [pattern, why] of refusals) {
    it(`refuses ${JSON.stringify(pattern)}`, () => {
      assert.throws(() => TopicPattern.compile(pattern), { code: 'CONFIG_INVALID', message: why })
    })
  }

  it('knows the MQTT subscription that gets its topics', () => {
    const subscription = (pattern: string) => TopicPattern.compile(pattern).subscription
    assert.equal(subscription(REALTIME), 'mtic/msg/client/realtime/+/+/+/#')
    assert.equal(subscription('a/+/t-{tenant}'), 'a/+/+')
    assert.equal(subscription('a/{tenant}/{project?}/{device?}'), 'a/+/#')
    assert.equal(subscription('a/{tenant}/{device?}/#'), 'a/+/#')
  })

  it('gives back what was put into a topic', () => {
    const level = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => !/[/+#\0]/.test(text))
    fc.assert(
      fc.property(level, level, level, fc.array(level), (tenant, project, device, rest) => {
        const topic = ['mtic/msg/client/realtime', tenant, project, device, ...rest].join('/')
        assert.deepEqual(levels(REALTIME, topic), { tenant, project, device })
      }),
    )
  })

  it('makes a topic of names that it finds there again', () => {
    const level = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => !/[/+#\0]/.test(text))
    const pattern = TopicPattern.compile('plant/+/t-{tenant}/{project}/{device?}/#')
    fc.assert(
      fc.property(level, level, (tenant, project) => {
        assert.deepEqual(pattern.match(pattern.topicOf({ tenant, project })), { levels: { tenant, project } })
      }),
    )
    assert.equal(pattern.topicOf({ tenant: 'a', project: 'p', device: 'd' }), 'plant/-/t-a/p/d')
  })
})
