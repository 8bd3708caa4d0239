import assert from 'node:assert/strict'
import { ConsumerStatus, type ShownConsumer } from '../../../../src/kafka/consume/consumer-status'
import { PipelineError } from '../../../../src/wire/errors'
import { shownInEnglish, verbatim } from '../../../support/statuses'

const joined: ShownConsumer = {
  state: 'joined',
  received: 0,
  out: 2,
  lag: 1_500,
  heldCount: 0,
  problem: undefined,
  paused: false,
}
const problem = new PipelineError('X', 'a sentence', { retryable: true, status: verbatim('in short') })

describe('ConsumerStatus', () => {
  it('shows the rate, what is in flight, and the lag', () => {
    const status = new ConsumerStatus(0)
    assert.deepEqual(shownInEnglish(status.of({ ...joined, received: 2_000 }, 1_000)), {
      fill: 'green',
      shape: 'dot',
      text: '2,000/s · 2 in flight · lag 1,500',
    })
  })

  it('shows a problem of the connection before all else', () => {
    const shown = shownInEnglish(new ConsumerStatus(0).of({ ...joined, state: { problem }, heldCount: 1 }, 0))
    assert.deepEqual(shown, { fill: 'red', shape: 'ring', text: 'in short' })
  })

  it('shows that it is paused, and nothing of a rate', () => {
    assert.deepEqual(shownInEnglish(new ConsumerStatus(0).of({ ...joined, paused: true }, 0)), {
      fill: 'yellow',
      shape: 'ring',
      text: 'paused · 2 in flight · lag 1,500',
    })
  })

  it('shows what is held in red, and what is tried again in yellow', () => {
    const status = new ConsumerStatus(0)
    assert.equal(
      shownInEnglish(status.of({ ...joined, heldCount: 1, problem }, 0)).text,
      '1 failed and held: in short',
    )
    assert.equal(status.of({ ...joined, problem }, 0).fill, 'yellow')
  })
})
