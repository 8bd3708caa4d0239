import assert from 'node:assert/strict'
import { ConsumerProblems } from '../../../../src/kafka/group/consumer-problems'
import { PipelineError } from '../../../../src/wire/errors'

const problem = (code: string, message = code): PipelineError =>
  new PipelineError(code, message, { retryable: true })

describe('the problems of a consumer', () => {
  let reports: string[]
  let problems: ConsumerProblems
  beforeEach(() => {
    reports = []
    problems = new ConsumerProblems({
      onState: (found) => reports.push(`state ${found?.message ?? 'good'}`),
      onImpaired: (found) => reports.push(`impaired ${found?.message ?? 'not'}`),
    })
  })
  const reported = (): string[] => reports.splice(0)

  it('are its state when nothing can be read, and its impairment when some topics can', () => {
    problems.set('connection', problem('KAFKA_UNREACHABLE'))
    assert.deepEqual(reported(), ['state KAFKA_UNREACHABLE'])
    problems.set('topics', problem('KAFKA_UNKNOWN_TOPIC'))
    assert.deepEqual(reported(), ['impaired KAFKA_UNKNOWN_TOPIC'])
    problems.set('connection', undefined)
    problems.set('topics', undefined)
    assert.deepEqual(reported(), ['state good', 'impaired not'])
  })

  it('concern all reading when connection or commits have them, whatever the error', () => {
    problems.set('connection', problem('KAFKA_FORBIDDEN'))
    assert.deepEqual(reported(), ['state KAFKA_FORBIDDEN'])
    problems.set('connection', undefined)
    problems.set('commit', problem('KAFKA_NO_LEADER'))
    assert.deepEqual(reported(), ['state good', 'state KAFKA_NO_LEADER'])
  })

  it('concern some partitions when these are refused, whatever the error', () => {
    problems.set('refused', problem('KAFKA_FAILED'))
    assert.deepEqual(reported(), ['impaired KAFKA_FAILED'])
  })

  it('are reported once, one at a time, and the next when the first is gone', () => {
    problems.set('connection', problem('KAFKA_UNREACHABLE', 'first'))
    problems.set('connection', problem('KAFKA_UNREACHABLE', 'first'))
    problems.set('commit', problem('KAFKA_FORBIDDEN', 'second'))
    assert.deepEqual(reported(), ['state first'])
    problems.set('connection', undefined)
    assert.deepEqual(reported(), ['state second'])
  })

  it('are reported again when the same part has another one', () => {
    problems.set('topics', problem('KAFKA_UNREAD', 'one topic'))
    problems.set('topics', problem('KAFKA_UNREAD', 'two topics'))
    assert.deepEqual(reported(), ['impaired one topic', 'impaired two topics'])
  })
})
