/** Whose numbers are added up: each metric of each device of each project of each tenant is one series. */
import type { WireRecord } from '../../wire/message'
import type { Reason } from '../rows/rejected'

export interface Series {
  readonly tenant: string
  readonly project: string
  readonly device: string
  readonly metric: string
  /** Orders series, and is different for different ones. */
  readonly key: string
}

/** A B-tree of PostgreSQL has no room for a key of a third of a page, with the time and what it adds itself. */
const MAX_KEY_BYTES = 2000

const UNSTORABLE = /\0|\p{Surrogate}/u

/** The series of one batch: each is made once. */
export class SeriesOfBatch {
  private readonly devices = new Map<string, Map<string, Series | Reason>>()

  /**
   * All metrics of a record, or why it has to be rejected: PostgreSQL could not store what it is called. Without a project or
   * a device, as without a tenant, these are empty.
   */
  of(record: WireRecord, metrics: readonly string[]): readonly Series[] | Reason {
    const { tenant, project, device } = record
    const names = [nameOf(tenant), nameOf(project), nameOf(device)] as const
    const at = names.indexOf(undefined)
    if (at >= 0) return invalid(`the ${LEVELS[at] ?? ''} is no text`)
    const [ofTenant = '', ofProject = '', ofDevice = ''] = names
    const key = `${ofTenant}\0${ofProject}\0${ofDevice}`
    let ofMetric = this.devices.get(key)
    if (ofMetric === undefined) this.devices.set(key, (ofMetric = new Map<string, Series | Reason>()))
    const all: Series[] = []
    for (const metric of metrics) {
      let series = ofMetric.get(metric)
      if (series === undefined) {
        series = seriesOf(ofTenant, ofProject, ofDevice, metric)
        ofMetric.set(metric, series)
      }
      if ('code' in series) return series
      all.push(series)
    }
    return all
  }
}

const LEVELS = ['tenant', 'project', 'device']

function nameOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return value
  return typeof value === 'number' ? String(value) : undefined
}

function seriesOf(tenant: string, project: string, device: string, metric: string): Series | Reason {
  const names = [tenant, project, device, metric]
  if (names.some((name) => UNSTORABLE.test(name)))
    return invalid(
      'tenant, project, device or the name of a metric contain a character that PostgreSQL does not store',
    )
  const key = names.join('\0')
  if (Buffer.byteLength(key) > MAX_KEY_BYTES)
    return invalid(
      `tenant, project, device and the name of a metric have more than ${MAX_KEY_BYTES} bytes together`,
    )
  return { tenant, project, device, metric, key }
}

function invalid(text: string): Reason {
  return { code: 'NAME_INVALID', text }
}
