import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { IdleCheck } from '../../../src/runtime/idle-check'
import { PipelineError } from '../../../src/wire/errors'

describe('the check of an idle writer', () => {
  const gone = new PipelineError('KAFKA_UNREACHABLE', 'a sentence', { retryable: true })
  let answer: () => Promise<unknown>
  let asked: number
  let check: IdleCheck
  beforeEach(() => {
    asked = 0
    answer = () => Promise.reject(gone)
    check = new IdleCheck(() => {
      asked++
      return answer()
    })
  })
  /** @returns what it has found after looking each second, up to this one */
  async function lookUntil(second: number, written = 0, isBusy = false): Promise<PipelineError | undefined> {
    for (let now = 0; now <= second; now++) {
      check.look(now * 1000, written, isBusy)
      await turn()
    }
    return check.problem
  }

  it('asks every ten seconds, and knows when the server is gone and when it is back', async () => {
    assert.equal(await lookUntil(20), gone)
    assert.equal(asked, 3)
    answer = () => Promise.resolve()
    check.look(30_000, 0, false)
    await turn()
    assert.equal(check.problem, undefined)
  })

  it('asks nothing while something is written, and takes that for an answer', async () => {
    check.look(0, 0, false)
    await turn()
    assert.equal(check.problem, gone)
    check.look(1000, 1, false)
    assert.equal(check.problem, undefined)
    assert.equal(asked, 1)
    assert.equal(await lookUntil(30, 1, true), undefined)
    assert.equal(asked, 1)
  })

  it('does not ask again before there is an answer', async () => {
    answer = () => new Promise(() => undefined)
    await lookUntil(60)
    assert.equal(asked, 1)
  })
})
