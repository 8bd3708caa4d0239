/**
 * A map with a bound: of more entries the one that was used longest ago is forgotten. For keys that come from outside
 * (topics, tenants, devices), where forgetting costs time and no record.
 */
export class RecentMap<K, V> {
  /** The one that was used last is the last. */
  private readonly entries = new Map<K, V>()

  constructor(private readonly max: number) {}

  get size(): number {
    return this.entries.size
  }

  get(key: K): V | undefined {
    const value = this.entries.get(key)
    if (value !== undefined) this.set(key, value)
    return value
  }

  has(key: K): boolean {
    return this.entries.has(key)
  }

  set(key: K, value: V): void {
    this.entries.delete(key)
    this.entries.set(key, value)
    if (this.entries.size > this.max) this.entries.delete(this.entries.keys().next().value as K)
  }

  delete(key: K): void {
    this.entries.delete(key)
  }
}

/** Partitions of Kafka that are remembered; topics come and go, and a process reads far fewer at a time. */
export const MAX_PARTITIONS = 20_000
