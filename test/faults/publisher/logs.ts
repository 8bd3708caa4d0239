/**
 * The two logs of the publisher: what it means to publish, written before it does, and what the broker has
 * acknowledged. Lines reach the disk in groups, each with one `fdatasync`, so that a line that the test has received
 * is there whatever dies next.
 */
import { readFileSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import path from 'node:path'

/** A message as it was meant. */
export interface Intent {
  /** Different for every message of every run: `<run>-<n>`. */
  readonly id: string
  /** The MQTT topic; one device publishes to one topic. */
  readonly topic: string
  /** 1, 2, 3, … for each topic. */
  readonly seq: number
  /** Of the payload, in hexadecimal digits. */
  readonly sha256: string
  /** Milliseconds since 1970, just before it was handed to the broker. */
  readonly publishedAt: number
}

export interface PublisherLogs {
  readonly intents: readonly Intent[]
  /** Ids that the broker has acknowledged: PUBACK, or PUBCOMP for QoS 2. */
  readonly acknowledged: ReadonlySet<string>
}

const INTENTS = 'intents.log'
const ACKNOWLEDGEMENTS = 'acknowledgements.log'

/** A file to which whole lines are appended, and which says when they are on the disk. */
export class LineLog {
  private constructor(private readonly file: FileHandle) {}

  static async intents(folder: string): Promise<LineLog> {
    return new LineLog(await open(path.join(folder, INTENTS), 'a'))
  }

  static async acknowledgements(folder: string): Promise<LineLog> {
    return new LineLog(await open(path.join(folder, ACKNOWLEDGEMENTS), 'a'))
  }

  /** Resolves when the lines are durable. One call at a time. */
  async append(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return
    await this.file.appendFile(`${lines.join('\n')}\n`)
    await this.file.datasync()
  }

  close(): Promise<void> {
    return this.file.close()
  }
}

export function intentLine({ id, topic, seq, sha256, publishedAt }: Intent): string {
  return [id, topic, seq, sha256, publishedAt].join('\t')
}

/** Reads what a publisher has left in its folder; a line that was cut off by its death does not count. */
export function readLogs(folder: string): PublisherLogs {
  return {
    intents: wholeLines(path.join(folder, INTENTS)).map(parseIntent),
    acknowledged: new Set(wholeLines(path.join(folder, ACKNOWLEDGEMENTS))),
  }
}

function parseIntent(line: string): Intent {
  const [id = '', topic = '', seq, sha256 = '', publishedAt] = line.split('\t')
  return { id, topic, seq: Number(seq), sha256, publishedAt: Number(publishedAt) }
}

function wholeLines(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, -1)
}
