/** What the status of a source says of the messages that have failed and wait for a person. */
import { phrase, type Phrase } from '../status/phrase'
import type { PipelineError } from '../wire/errors'

export function heldText(number: number, problem: PipelineError | undefined): Phrase {
  return problem === undefined
    ? phrase('held', { number })
    : phrase('heldBecause', { number, reason: problem.status })
}
