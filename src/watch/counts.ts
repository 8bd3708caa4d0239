/**
 * Counts by a text that comes from outside, such as a tenant: for a bounded number of texts, and together for the rest,
 * so that devices which invent names cannot fill the memory of Prometheus.
 */
const MAX_TEXTS = 100
export const OTHER = 'other'

export class Counts {
  private readonly byText = new Map<string, number>()

  constructor(private readonly maxTexts = MAX_TEXTS) {}

  get all(): ReadonlyMap<string, number> {
    return this.byText
  }

  add(text: string, count = 1): void {
    const isKnown = this.byText.has(text)
    const name = isKnown || this.byText.size < this.maxTexts ? text : OTHER
    this.byText.set(name, (this.byText.get(name) ?? 0) + count)
  }
}
