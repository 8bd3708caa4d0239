import { drainQueue, firstLeg } from '../first-leg'
import { defineRow, type Side } from '../row'
import { startNodeRed } from '../subjects/node-red'

interface TenantsSide extends Side {
  readonly tenants: number
}

const side = (tenants: number): TenantsSide => ({
  name: `${tenants.toLocaleString('en-US')} tenants`,
  tenants,
})

export const growthTenants = defineRow<TenantsSide>({
  name: 'growth-tenants',
  title: '4 Tenants',
  rounds: 3,
  measures:
    '150,000 queued messages of 10 to 10,000 tenants in one Kafka topic; first leg in batches, Node-RED 5.',
  compared: 'cpuEach',
  reference: ['10 tenants'],
  sides: [{ ...side(10), quick: true }, side(1000), { ...side(10_000), quick: true }],
  targets: [
    { side: '10,000 tenants', figure: 'cpuEach', atMost: 1.2, of: { side: '10 tenants', as: 'ratio' } },
  ],
  open: () =>
    Promise.resolve(({ tenants }, measuring) =>
      drainQueue(measuring, {
        messages: measuring.size(150_000, 30_000),
        tenants,
        start: ({ mqtt, topic }) =>
          startNodeRed(measuring.stage, {
            mqtt,
            version: '5',
            flow: firstLeg(topic, { 'tenant-mqtt-source': { mode: 'batch' } }),
          }),
      }),
    ),
})
