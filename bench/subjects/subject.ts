/** A process that is measured: ours in Node-RED, or a peer. */
import type { Usage } from '../probe/probes'

export interface Subject {
  /** @param reset the largest memory and the event loop's delay are taken from now on */
  usage(reset?: boolean): Promise<Usage>
  /** At once: what it has not done yet is not needed any more. */
  end(): Promise<void>
  /** The end of its log, for an error. */
  lastWords(): string
}

/** Several processes as one: what they use together; the event loop that is latest counts. */
export function together(subjects: readonly Subject[]): Subject {
  return {
    usage: async (reset) => {
      const usages = await Promise.all(subjects.map((subject) => subject.usage(reset)))
      const sum = (of: (usage: Usage) => number): number =>
        usages.reduce((total, usage) => total + of(usage), 0)
      return {
        cpuMicros: sum(({ cpuMicros }) => cpuMicros),
        rss: sum(({ rss }) => rss),
        maxRss: sum(({ maxRss }) => maxRss),
        loopP99Ms: Math.max(...usages.map(({ loopP99Ms }) => loopP99Ms)),
        produces: sum(({ produces }) => produces),
        fetches: sum(({ fetches }) => fetches),
      }
    },
    end: async () => {
      await Promise.all(subjects.map((subject) => subject.end()))
    },
    lastWords: () => subjects.map((subject) => subject.lastWords()).join('\n'),
  }
}
