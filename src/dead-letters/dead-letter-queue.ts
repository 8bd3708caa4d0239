/**
 * Writes dead letters until it succeeds: what arrives while a write is out goes with the next one, and a write
 * that fails is repeated, indefinitely, with a growing pause. Only a dead letter that can never be written is given
 * back; what waits with it is written without it.
 *
 * It is idle, writing or pausing. `add` starts it when idle; it goes back to idle when nothing waits.
 */
import { backoffMs, type BackoffOptions } from '../time/backoff'
import { asPipelineError, PipelineError } from '../wire/errors'
import type { DeadLetter } from './dead-letter'

export interface DeadLetterTarget {
  /**
   * Resolves when all of them are durable.
   * @throws PipelineError; `retryable === false` when one of them can never be written
   */
  write(letters: readonly DeadLetter[]): Promise<void>
}

/** No more is taken: memory would grow without bound for a flow whose source does not wait. */
const MAX_HELD_BYTES = 128 * 1024 * 1024
/** Of a dead letter besides its payload: the reason, headers, names, and the objects that hold them, about. */
const LETTER_OVERHEAD_BYTES = 1024

export interface DeadLetterQueueOptions {
  readonly target: DeadLetterTarget
  /** Called when a write fails, and with nothing when one succeeds after that. */
  readonly onProblem: (problem: PipelineError | undefined) => void
  readonly backoff?: BackoffOptions
  readonly maxLetters?: number
  readonly maxBytes?: number
  /** Of all that waits. */
  readonly maxHeldBytes?: number
}

/** The dead letters of one message. */
interface Job {
  readonly letters: readonly DeadLetter[]
  readonly bytes: number
  readonly resolve: () => void
  readonly reject: (error: PipelineError) => void
}

export class DeadLetterQueue {
  private waiting: Job[] = []
  private running: Promise<void> | undefined
  private closed = false
  private endPause: (() => void) | undefined
  private readonly backoff: BackoffOptions
  private readonly maxLetters: number
  private readonly maxBytes: number
  private readonly maxHeldBytes: number
  private heldBytes = 0

  constructor(private readonly options: DeadLetterQueueOptions) {
    this.backoff = options.backoff ?? { initialMs: 200, maxMs: 30_000 }
    this.maxLetters = options.maxLetters ?? 500
    this.maxBytes = options.maxBytes ?? 8 * 1024 * 1024
    this.maxHeldBytes = options.maxHeldBytes ?? MAX_HELD_BYTES
  }

  /**
   * Resolves when all of them are durable. What comes first always fits, whatever its size.
   * @throws PipelineError when one can never be, when the queue is full, or when it is closed before
   */
  async add(letters: readonly DeadLetter[]): Promise<void> {
    if (this.closed) throw closedError()
    const bytes = letters.reduce(
      (sum, { payload }) => sum + LETTER_OVERHEAD_BYTES + (payload?.length ?? 0),
      0,
    )
    if (this.heldBytes > 0 && this.heldBytes + bytes > this.maxHeldBytes) throw fullError()
    this.heldBytes += bytes
    try {
      await new Promise<void>((resolve, reject) => {
        this.waiting.push({ letters, bytes, resolve, reject })
        this.running ??= this.run()
      })
    } finally {
      this.heldBytes -= bytes
    }
  }

  /** Resolves when nothing waits and nothing is being written. */
  idle(): Promise<void> {
    return this.running ?? Promise.resolve()
  }

  /** Gives back what has not been written. */
  close(): void {
    this.closed = true
    for (const job of this.waiting.splice(0)) job.reject(closedError())
    this.endPause?.()
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0) await this.write(this.nextGroup())
    this.running = undefined
  }

  /** The first job always fits, whatever its size. */
  private nextGroup(): Job[] {
    let letters = 0
    let bytes = 0
    let count = 0
    for (const job of this.waiting) {
      letters += job.letters.length
      bytes += job.bytes
      if (count > 0 && (letters > this.maxLetters || bytes > this.maxBytes)) break
      count++
    }
    return this.waiting.splice(0, count)
  }

  private async write(jobs: readonly Job[]): Promise<void> {
    const letters = jobs.flatMap((job) => job.letters)
    for (let attempt = 1; ; attempt++) {
      try {
        await this.options.target.write(letters)
        if (attempt > 1) this.options.onProblem(undefined)
        for (const job of jobs) job.resolve()
        return
      } catch (thrown) {
        const error = asPipelineError(thrown)
        if (!error.retryable) return this.writeApart(jobs, error)
        this.options.onProblem(error)
        if (!this.closed) await this.pause(backoffMs(attempt, this.backoff))
        if (this.closed) return jobs.forEach((job) => job.reject(closedError()))
      }
    }
  }

  private async writeApart(jobs: readonly Job[], error: PipelineError): Promise<void> {
    if (jobs.length === 1) jobs[0]?.reject(error)
    else for (const job of jobs) await this.write([job])
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function fullError(): PipelineError {
  return new PipelineError(
    'DEAD_LETTERS_FULL',
    'the node holds as many dead letters as it may while they cannot be written, and takes no more: repair what they ' +
      'are written to; a source of this package sends the message again',
    { retryable: true, status: 'deadLettersFull' },
  )
}

function closedError(): PipelineError {
  return new PipelineError('DEAD_LETTER_CLOSED', 'the node was closed before the dead letter was written', {
    retryable: true,
  })
}
