/** The part of the dialog that shows the last record; the column editor of a sink offers its properties. */
import type { RecordSample } from '../../src/kafka/consume/record-sample'
import { addAdminRoute } from '../../src/runtime/admin-route'
import { sourceOf, type SourceHolder } from './stopped-routes'

export interface SampleAnswer {
  /** Left out: no record has gone into the flow since the deploy. */
  readonly sample?: RecordSample | undefined
}

export function addSampleRoute(RED: object): void {
  addAdminRoute<SourceHolder>(RED, {
    type: 'tenant-kafka-consumer',
    action: 'sample',
    permission: 'read',
    answer: (node): SampleAnswer => ({ sample: sourceOf(node).lastRecord.sample }),
  })
}
