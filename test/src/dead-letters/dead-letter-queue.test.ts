import assert from 'node:assert/strict'
import { PipelineError } from '../../../src/wire/errors'
import { deadLettersOf, type DeadLetter } from '../../../src/dead-letters/dead-letter'
import { DeadLetterQueue, type DeadLetterQueueOptions } from '../../../src/dead-letters/dead-letter-queue'

const letters = (...payloads: string[]): DeadLetter[] =>
  payloads.flatMap((payload) => deadLettersOf({ payload, messageId: payload }))
const texts = (given: readonly DeadLetter[]): string[] =>
  given.map(({ payload }) => payload?.toString() ?? '')
const down = new PipelineError('DOWN', 'nothing answers', { retryable: true })
const refused = new PipelineError('REFUSED', 'never', { retryable: false })

/** A target that answers what the test says, write by write; without an answer it has written. */
function scripted(answers: (PipelineError | undefined)[], options: Partial<DeadLetterQueueOptions> = {}) {
  const writes: string[][] = []
  const problems: (string | undefined)[] = []
  const queue = new DeadLetterQueue({
    target: {
      write: (given) => {
        writes.push(texts(given))
        const answer = answers.shift()
        return answer === undefined ? Promise.resolve() : Promise.reject(answer)
      },
    },
    onProblem: (problem) => problems.push(problem?.code),
    backoff: { initialMs: 1, maxMs: 2 },
    ...options,
  })
  return { queue, writes, problems }
}

describe('dead letter queue', () => {
  it('writes what comes, and collects while a write is out', async () => {
    const { queue, writes } = scripted([])
    await Promise.all([queue.add(letters('a')), queue.add(letters('b')), queue.add(letters('c', 'd'))])
    assert.deepEqual(writes, [['a'], ['b', 'c', 'd']])
  })

  it('repeats the same group until it is written, and says what is wrong', async () => {
    const { queue, writes, problems } = scripted([down, down, down])
    await Promise.all([queue.add(letters('a')), queue.add(letters('b'))])
    assert.deepEqual(writes, [['a'], ['a'], ['a'], ['a'], ['b']])
    assert.deepEqual(problems, ['DOWN', 'DOWN', 'DOWN', undefined])
  })

  it('gives back only the one that can never be written', async () => {
    const { queue, writes } = scripted([undefined, refused, undefined, refused, undefined])
    const first = queue.add(letters('a'))
    const outcomes = await Promise.allSettled([
      first,
      ...['b', 'c', 'd'].map((text) => queue.add(letters(text))),
    ])
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
    )
    assert.deepEqual(writes, [['a'], ['b', 'c', 'd'], ['b'], ['c'], ['d']])
  })

  it('bounds a group by letters and by bytes; the first message always fits', async () => {
    const { queue, writes } = scripted([], { maxLetters: 2, maxBytes: 10 })
    await Promise.all([
      queue.add(letters('a')),
      queue.add(letters('b', 'c', 'd')),
      queue.add(letters('e')),
      queue.add(letters('x'.repeat(20))),
      queue.add(letters('f')),
    ])
    assert.deepEqual(
      writes.map((write) => write.length),
      [1, 3, 1, 1, 1],
    )
  })

  it('takes no more than its bound while the target is down, and again when it is back; the first always fits', async () => {
    const { queue, writes } = scripted([down], { maxHeldBytes: 4000, backoff: { initialMs: 20, maxMs: 20 } })
    const first = queue.add(letters('x'.repeat(5000)))
    await assert.rejects(queue.add(letters('b')), { code: 'DEAD_LETTERS_FULL', retryable: true })
    await first
    await Promise.all([queue.add(letters('c')), queue.add(letters('d'))])
    assert.deepEqual(
      writes.map((write) => write.length),
      [1, 1, 1, 1],
    )
  })

  it('gives back what is not written when it is closed', async () => {
    const { queue, problems } = scripted(
      Array.from({ length: 50 }, () => down),
      {
        backoff: { initialMs: 60_000, maxMs: 60_000 },
      },
    )
    const outcomes = Promise.allSettled([queue.add(letters('a')), queue.add(letters('b'))])
    while (problems.length === 0) await new Promise((resolve) => setImmediate(resolve))
    queue.close()
    for (const outcome of await outcomes) {
      assert.equal(outcome.status, 'rejected')
      assert.equal((outcome.reason as PipelineError).retryable, true)
    }
    await queue.idle()
    await assert.rejects(queue.add(letters('c')), { code: 'DEAD_LETTER_CLOSED' })
  })
})
