/** All rows, in the order of the table. A new one is a file in `rows/` and a line here. */
import type { Row } from './row'
import { backlog } from './rows/backlog'
import { busyPartition } from './rows/busy-partition'
import { growthFlow } from './rows/growth-flow'
import { growthPartitions } from './rows/growth-partitions'
import { growthPayload } from './rows/growth-payload'
import { growthProcesses } from './rows/growth-processes'
import { growthSubscribers } from './rows/growth-subscribers'
import { growthTenants } from './rows/growth-tenants'
import { growthTopics } from './rows/growth-topics'
import { live } from './rows/live'
import { liveLong } from './rows/live-long'
import { metrics } from './rows/metrics'
import { mqttDrain } from './rows/mqtt-drain'
import { ordinary } from './rows/ordinary'
import { postgresDrain } from './rows/postgres-drain'
import { rollup } from './rows/rollup'
import { tracking } from './rows/tracking'
import { validate } from './rows/validate'

export const ROWS: readonly Row[] = [
  mqttDrain,
  postgresDrain,
  live,
  liveLong,
  growthTenants,
  growthTopics,
  growthPayload,
  growthPartitions,
  growthFlow,
  growthProcesses,
  growthSubscribers,
  backlog,
  busyPartition,
  tracking,
  ordinary,
  metrics,
  validate,
  rollup,
]
