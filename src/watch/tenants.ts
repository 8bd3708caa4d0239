/** Whether sinks count by tenant: it costs a look into a map for each record, so only when asked for. */
import { Counts } from './counts'

let isAsked = false

/** Called once, before the first node is made. */
export function countTenants(asked: boolean): void {
  isAsked = asked
}

/** For one node; `undefined` when nothing is to be counted. */
export const tenantCounts = (): Counts | undefined => (isAsked ? new Counts() : undefined)
