import assert from 'node:assert/strict'
import { SchemaTemplate } from '../../../../src/postgres/tenants/tenant-schema'

describe('the schema of a tenant', () => {
  const template = new SchemaTemplate('tenant_{tenant}')

  it('has the name of the tenant in it, as it is', () => {
    assert.deepEqual(template.schemaOf('Plant-7_b'), { schema: 'tenant_Plant-7_b' })
    assert.notDeepEqual(template.schemaOf('a'), template.schemaOf('A'))
  })

  it('is refused where PostgreSQL would cut its name off, so that two tenants would share one', () => {
    assert.deepEqual(template.schemaOf('x'.repeat(56)), { schema: `tenant_${'x'.repeat(56)}` })
    assert.match(JSON.stringify(template.schemaOf('x'.repeat(57))), /more than 63 characters/)
  })

  for (const tenant of [
    '',
    undefined,
    null,
    7,
    'a.b',
    'a b',
    '"; drop schema x',
    'ä',
    'a\0',
    '../a',
    '{tenant}',
  ]) {
    it(`is refused for the tenant ${JSON.stringify(tenant)}`, () => {
      assert.ok('refusal' in template.schemaOf(tenant))
    })
  }

  it('is never one of PostgreSQL itself', () => {
    assert.ok('refusal' in new SchemaTemplate('p{tenant}').schemaOf('g_catalog'))
  })

  it('is known again by its name', () => {
    const both = new SchemaTemplate('t_{tenant}_x')
    assert.deepEqual(
      ['t_a_x', 't_a', 'a_x', 't__x', 'public', 't_x', 't_a b_x'].map((schema) => both.matches(schema)),
      [true, false, false, false, false, false, false],
    )
  })

  for (const text of ['{tenant}', 'tenants', '{tenant}_{tenant}', 'a"{tenant}', '1{tenant}', 'a{project}']) {
    it(`cannot come from the template ${text}`, () => {
      assert.throws(() => new SchemaTemplate(text), { code: 'CONFIG_INVALID' })
    })
  }
})
