import assert from 'node:assert/strict'
import { Template } from '../../../src/tenant/templates'

const KNOWN = ['tenant', 'project', 'device']

describe('template', () => {
  const render = (text: string, levels: Record<string, string>) =>
    Template.compile('key', text, KNOWN).render(levels)

  it('puts levels into text', () => {
    assert.equal(render('{tenant}.{project}', { tenant: 'a', project: 'b' }), 'a.b')
    assert.equal(render('iot-{tenant}-raw', { tenant: 'a' }), 'iot-a-raw')
    assert.equal(render('fixed', {}), 'fixed')
  })

  it('puts values in as they are, also those that look like a template', () => {
    assert.equal(render('{tenant}.{project}', { tenant: '{project}', project: '$&' }), '{project}.$&')
  })

  it('leaves nothing where the topic has no such level', () => {
    assert.equal(render('{tenant}/{device}', { tenant: 'a' }), 'a/')
  })

  it('refuses names that the pattern does not have, and single braces', () => {
    assert.throws(() => Template.compile('key', '{site}', KNOWN), {
      code: 'CONFIG_INVALID',
      message:
        'the key "{site}": {site} is not in the topic pattern, which has {tenant}, {project}, {device}',
    })
    for (const text of ['{tenant', 'tenant}', '{ten{ant}}']) {
      assert.throws(() => Template.compile('key', text, KNOWN), { code: 'CONFIG_INVALID' })
    }
  })

  it('sees values that could end at two places', () => {
    const template = Template.compile('Kafka topic', '{tenant}-{project}', KNOWN)
    assert.match(template.ambiguity({ tenant: 'x-y', project: 'z' }) ?? '', /the tenant holds "-"/)
    assert.equal(template.ambiguity({ tenant: 'x', project: 'y-z' }), undefined)
  })
})
