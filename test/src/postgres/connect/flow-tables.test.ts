import assert from 'node:assert/strict'
import { flowTables } from '../../../../src/postgres/connect/flow-tables'

describe('the tables that a flow uses', () => {
  const sink = { id: 's', type: 'tenant-postgres-sink', database: 'db' }
  const named = (flow: readonly { id: string; type: string }[]): string[] =>
    flowTables(flow, 'db').tables.map(
      ({ schema, table, create, rights }) => `${schema}.${table} ${create} ${rights.join()}`,
    )

  it('are those of a sink, with its dead letters, by their defaults or by name', () => {
    assert.deepEqual(named([sink]), [
      'public.iot_messages true SELECT,INSERT',
      'public.iot_dead_letters true SELECT,INSERT',
    ])
    const other = { ...sink, schema: 'a', table: 'b', deadLetters: 'output', createTable: false }
    assert.deepEqual(named([other]), ['a.b false SELECT,INSERT'])
  })

  it('are those of dead letter nodes, and what several nodes do to one table is joined', () => {
    const letters = {
      id: 'l',
      type: 'tenant-dead-letter',
      database: 'db',
      target: 'table',
      createTable: false,
    }
    const source = { id: 'r', type: 'tenant-dead-letter-source', database: 'db' }
    assert.deepEqual(named([letters, source]), ['public.iot_dead_letters true SELECT,INSERT,UPDATE'])
    const toKafka = { ...letters, target: 'kafka' }
    assert.deepEqual(named([toKafka]), [])
  })

  it('are not those of other databases, of disabled nodes, or from environment variables', () => {
    const others = [
      { ...sink, database: 'other' },
      { ...sink, d: true },
      { ...sink, table: '${TABLE}', deadLetters: 'output' },
    ]
    assert.deepEqual(named(others), [])
  })

  it('are unknown where each tenant has a schema: then the user has to create these', () => {
    const perTenant = { ...sink, tenancy: 'schema' }
    const found = flowTables([perTenant], 'db')
    assert.ok(found.createsSchemas)
    assert.deepEqual(
      found.tables.map(({ table }) => table),
      ['iot_dead_letters'],
    )
  })
})
