/**
 * How many Kafka topics a producer may create: devices have a hand in the names, and each new one costs the cluster
 * partitions, files and memory that no restart gives back. The bound is for a day, so that a fleet may
 * grow; a single tenant has half of it, so that it cannot use up what the others need.
 */
import { PipelineError } from '../../wire/errors'
import { phrase } from '../../status/phrase'

const DAY_MS = 86_400_000
/** Of the bound, for a single tenant. */
const TENANT_SHARE = 1 / 2

interface Creation {
  readonly tenant: string | undefined
  readonly atMs: number
}

export class NewTopics {
  private readonly creations = new Map<string, Creation>()

  /** @param nowMs monotonic */
  constructor(
    readonly max: number,
    private readonly nowMs: () => number,
  ) {}

  /** Why this topic may not be created for this tenant now; `undefined` when it may. */
  refusal(topic: string, tenant: string | undefined): PipelineError | undefined {
    this.forgetOld()
    if (this.creations.has(topic)) return undefined
    if (this.creations.size >= this.max) {
      return tooMany(topic, `${this.max} topics have been created in 24 hours, which is "Max. new topics"`)
    }
    const share = Math.ceil(this.max * TENANT_SHARE)
    if (tenant === undefined || this.countOf(tenant) < share) return undefined
    return tooMany(
      topic,
      `${share} topics have been created for tenant ${JSON.stringify(tenant)} in 24 hours, half of "Max. new topics"`,
    )
  }

  /**
   * Counts a topic before it is created, because many are asked for at once. One that Kafka could not create counts too,
   * once, because it may be there all the same. @returns why it may not be created
   */
  take(topic: string, tenant: string | undefined): PipelineError | undefined {
    const refusal = this.refusal(topic, tenant)
    if (refusal === undefined && !this.creations.has(topic)) {
      this.creations.set(topic, { tenant, atMs: this.nowMs() })
    }
    return refusal
  }

  private countOf(tenant: string): number {
    let count = 0
    for (const each of this.creations.values()) if (each.tenant === tenant) count++
    return count
  }

  private forgetOld(): void {
    const since = this.nowMs() - DAY_MS
    for (const [topic, { atMs }] of this.creations) {
      if (atMs > since) return
      this.creations.delete(topic)
    }
  }
}

function tooMany(topic: string, why: string): PipelineError {
  return new PipelineError(
    'KAFKA_TOO_MANY_TOPICS',
    `Kafka topic ${topic} is not created: ${why}. If the devices are right, raise it and deploy; otherwise limit ` +
      'their names in tenant topic',
    { retryable: false, status: phrase('kafka', { problem: phrase('kafkaTooManyTopics') }) },
  )
}
