/** Orders that a node `tenant-postgres-apply` takes from a table `stock`, for its tests inside Node-RED. */
import tenantPostgres from '../../nodes/tenant-postgres/tenant-postgres'
import tenantPostgresApply from '../../nodes/tenant-postgres-apply/tenant-postgres-apply'
import type { Message, WireRecord } from '../../src/wire/message'
import { deliveryNodes } from './delivery-nodes'
import type { FlowEntry } from './runtime'
import { range, record } from './sink'
import type { TestDatabase } from './postgres'

export const TAKE = 'update stock set quantity = quantity - $2, last = $3 where article = $1'

export const STOCK =
  'create table stock (article text primary key, quantity integer not null check (quantity >= 0), last bigint)'

export const stockModules = [deliveryNodes, tenantPostgres, tenantPostgresApply]

const tab = { id: 'tab', type: 'tab', label: 'test' }
export const source = { id: 'source', type: 'test-source', z: 'tab', wires: [['take']] }

export const apply = (more: object = {}): FlowEntry => ({
  id: 'take',
  type: 'tenant-postgres-apply',
  z: 'tab',
  wires: [[]],
  database: 'db',
  statement: TAKE,
  parameters: 'payload.article, payload.quantity, kafka.offset',
  ledgerName: 'take-stock',
  ...more,
})

/** A source of orders, and what takes them from stock. */
export const stockFlow = (url: string, more: object = {}): FlowEntry[] => [
  tab,
  source,
  apply(more),
  { id: 'db', type: 'tenant-postgres', address: 'url', url },
]

export interface Order {
  readonly article: unknown
  readonly quantity: unknown
}

/** A batch of the consumer. */
export function orders(from: number, ...all: readonly Order[]): Message {
  const one = (order: Order, at: number): WireRecord =>
    record(from + at, { payload: Buffer.from(JSON.stringify(order)) })
  return { batch: true, payload: all.map(one), kafka: range(from, from + all.length) }
}

export const many = (count: number, article = 'bolt', quantity = 1): Order[] =>
  Array.from({ length: count }, () => ({ article, quantity }))

export async function quantityOf(test: TestDatabase, article = 'bolt'): Promise<number | undefined> {
  const text = 'select quantity from stock where article = $1'
  return (await test.query<{ quantity: number }>(text, [article]))[0]?.quantity
}

export async function lettersIn(test: TestDatabase): Promise<[offset: number, code: string][]> {
  const text = 'select kafka_offset as o, code as c from iot_dead_letters order by 1'
  return (await test.query<{ o: string; c: string }>(text)).map(({ o, c }) => [Number(o), c])
}
