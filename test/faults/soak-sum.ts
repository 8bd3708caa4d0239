/** What a soak has counted, as the line that it ends with. */
export interface SoakSum {
  readonly kills: number
  /** Of these, the ones that met a Node-RED which was writing rows; the others met it while it started. */
  readonly writing: number
  /** Messages that the MQTT broker acknowledged to the publisher. */
  readonly published: number
  readonly rows: number
  /** In Kafka or in PostgreSQL. */
  readonly missing: number
  /** Rows at one Kafka position. */
  readonly repeated: number
}

export const NO_SUM: SoakSum = { kills: 0, writing: 0, published: 0, rows: 0, missing: 0, repeated: 0 }

export function lineOf({ kills, writing, published, rows, missing, repeated }: SoakSum): string {
  return `kills ${kills} (${writing} while rows were written), published ${published}, rows ${rows}, missing ${missing}, repeated ${repeated}`
}

/** @returns the sum in an output that has such a line */
export function parseLine(output: string): SoakSum | undefined {
  const line =
    /^kills (\d+) \((\d+) while rows were written\), published (\d+), rows (\d+), missing (\d+), repeated (\d+)$/m.exec(
      output,
    )
  if (line === null) return undefined
  const [kills = 0, writing = 0, published = 0, rows = 0, missing = 0, repeated = 0] = line
    .slice(1)
    .map(Number)
  return { kills, writing, published, rows, missing, repeated }
}

export function addSums(a: SoakSum, b: SoakSum): SoakSum {
  return {
    kills: a.kills + b.kills,
    writing: a.writing + b.writing,
    published: a.published + b.published,
    rows: a.rows + b.rows,
    missing: a.missing + b.missing,
    repeated: a.repeated + b.repeated,
  }
}
