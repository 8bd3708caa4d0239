import assert from 'node:assert/strict'
import { Delivery, type Failure } from '../../../src/delivery/delivery'
import { leavesFailedBehind } from '../../../src/delivery/failures'
import { setNumber } from '../../../src/delivery/record-number'
import { PipelineError } from '../../../src/wire/errors'

const SIZE = 3
const error = new PipelineError('REFUSED', 'refused', { retryable: false })
const failed = (...numbers: number[]): Failure => ({ error, nodeId: 'n', records: new Set(numbers) })
const failedAny: Failure = { error, nodeId: 'n' }

/** Records by their numbers; undefined: a node has rebuilt it. */
const part = (...numbers: (number | undefined)[]): object[] =>
  numbers.map((number) => {
    const record = {}
    if (number !== undefined) setNumber(record, number)
    return record
  })

describe('a part of a batch leaves behind what has failed elsewhere', () => {
  const cases: [
    what: string,
    records: object[],
    failures: Failure[],
    carried: Failure | undefined,
    expected: boolean,
  ][] = [
    ['not when nothing has failed', part(0, 1), [], undefined, false],
    ['when a record has failed that it lacks', part(0, 1), [failed(2)], undefined, true],
    ['not when it has the record that failed', part(0, 2), [failed(2)], undefined, false],
    ['when any record could have failed, and it lacks one', part(0, 1), [failedAny], undefined, true],
    ['not when any could have failed, and it has all', part(0, 1, 2), [failedAny], undefined, false],
    ['when it has one record twice instead of all', part(0, 1, 1), [failedAny], undefined, true],
    ['when one was rebuilt, and it lacks one', part(0, undefined), [failed(2)], undefined, true],
    [
      'not when one was rebuilt, and it has as many as the batch',
      part(0, 1, undefined),
      [failed(2)],
      undefined,
      false,
    ],
  ]
  for (const [what, records, failures, carried, expected] of cases)
    it(what, () => assert.equal(behind(records, failures, carried), expected))

  it('not what its own message carries: that ends when it is written', () => {
    const before = failed(2)
    const own: Failure = { ...failedAny, before: [before] }
    assert.equal(behind(part(0, undefined), [before, own], own), false)
    assert.equal(behind(part(0, undefined), [before, own], undefined), true)
  })

  function behind(records: object[], failures: Failure[], carried: Failure | undefined): boolean {
    const delivery = new Delivery('d', 's', 1000, 0, () => undefined)
    delivery.size = SIZE
    delivery.failures = new Set(failures)
    return leavesFailedBehind(delivery, records, carried)
  }
})
