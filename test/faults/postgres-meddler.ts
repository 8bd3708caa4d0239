/**
 * Changes what a sink and PostgreSQL say to each other through the fault proxy: the moments that no server produces on
 * demand. For connections that begin while it is the proxy's `rewrite`.
 */
import type { Direction, Rewrite } from './fault-proxy'

const MOVE = 'update "public"."iot_ledger"'
const READY = 'Z'
/** Of a message: its type and its length. */
const HEADER_BYTES = 5
const COMMIT = query('commit')

/** Holds back the statements that move a position in the ledger, and all that the connection sends after them. */
export class HeldMoves {
  /** How many it holds back. */
  held = 0
  private gate: Promise<void> | undefined
  private open: () => void = () => undefined

  hold(): void {
    this.gate = new Promise((resolve) => (this.open = resolve))
  }

  release(): void {
    this.gate = undefined
    this.held = 0
    this.open()
  }

  readonly rewrite: Rewrite = async (bytes, direction) => {
    if (direction === 'up' && this.gate !== undefined && bytes.includes(MOVE)) {
      this.held++
      await this.gate
    }
    return bytes
  }
}

/**
 * Makes transactions fail just before their COMMIT, by a statement that the client knows nothing of: its error is kept
 * from the client, so that the command tag of the COMMIT is all that says it.
 */
export class UnseenFailures {
  /** How many more COMMITs find their transaction failed. */
  due = 0
  /** Their answers: what the client has received in the place of `COMMIT`. */
  readonly tags: string[] = []
  /** What the server has answered to the statement of ours, for as long as it is not complete. */
  private readonly answers = new WeakMap<object, Buffer>()

  readonly rewrite: Rewrite = (bytes, direction, connection) =>
    Promise.resolve(this.pass(bytes, direction, connection))

  private pass(bytes: Buffer, direction: Direction, connection: object): Buffer {
    if (direction === 'up') {
      if (this.due === 0 || !bytes.equals(COMMIT)) return bytes
      this.due--
      this.answers.set(connection, Buffer.alloc(0))
      return Buffer.concat([query('select 1/0'), bytes])
    }
    const before = this.answers.get(connection)
    if (before === undefined) return bytes
    const answer = Buffer.concat([before, bytes])
    const ours = endOfAnswer(answer)
    const whole = ours === undefined ? undefined : endOfAnswer(answer, ours)
    if (ours === undefined || whole === undefined) {
      this.answers.set(connection, answer)
      return Buffer.alloc(0)
    }
    this.answers.delete(connection)
    this.tags.push(answer.toString('latin1', ours + HEADER_BYTES, answer.indexOf(0, ours + HEADER_BYTES)))
    return answer.subarray(ours)
  }
}

/** @returns where the answer to a query ends, `undefined` when it is not all there */
function endOfAnswer(bytes: Buffer, from = 0): number | undefined {
  for (let at = from; at + HEADER_BYTES <= bytes.length;) {
    const end = at + 1 + bytes.readInt32BE(at + 1)
    if (end > bytes.length) return undefined
    if (bytes.toString('latin1', at, at + 1) === READY) return end
    at = end
  }
  return undefined
}

/** The message of a simple query. */
function query(text: string): Buffer {
  const message = Buffer.alloc(HEADER_BYTES + text.length + 1)
  message.write('Q')
  message.writeInt32BE(message.length - 1, 1)
  message.write(text, HEADER_BYTES)
  return message
}
