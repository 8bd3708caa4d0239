/**
 * Remembers the answers for the topics seen last. Devices publish to the same few topics again and again, and a
 * look-up costs a fraction of matching; a tenant that invents a new topic for each message must not fill the
 * memory, so old answers go when there are too many.
 */
export class TopicCache<T> {
  private young = new Map<string, T>()
  private old = new Map<string, T>()

  /** @param generation topics in one of the two generations; what was not asked for in a whole one is forgotten */
  constructor(
    private readonly generation = 10_000,
    private readonly maxTopicLength = 512,
  ) {}

  get size(): number {
    return this.young.size + this.old.size
  }

  get(topic: string, compute: (topic: string) => T): T {
    const recent = this.young.get(topic)
    if (recent !== undefined) return recent
    const value = this.old.get(topic) ?? compute(topic)
    if (topic.length <= this.maxTopicLength) this.remember(topic, value)
    return value
  }

  /** The topics that were new most lately, the newest first. Noting them costs nothing, so asking goes over all of them. */
  newest(max: number): string[] {
    const known = new Set([...this.old.keys(), ...this.young.keys()])
    return [...known].slice(-max).reverse()
  }

  private remember(topic: string, value: T): void {
    if (this.young.size >= this.generation) {
      this.old = this.young
      this.young = new Map()
    }
    this.young.set(topic, value)
  }
}
