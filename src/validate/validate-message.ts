/** Takes a message apart into what fits its schema and what does not. */
import { notRecord, type FailedRecord } from '../delivery/sinks/rejected-message'
import { isRecord, type Message, recordsOf } from '../wire/message'
import type { RecordValidator } from './record-validator'

export interface ValidatedMessage {
  /** What is sent on: what fits, and what no rule is for, if that may pass. */
  readonly accepted: readonly unknown[]
  readonly refused: readonly FailedRecord[]
  /** Of the accepted ones, those that no rule is for. */
  readonly unchecked: number
}

/** Removes unknown fields from the records in place; the message keeps all of its records. */
export function validateMessage(validator: RecordValidator, message: Message): ValidatedMessage {
  const records: readonly unknown[] = recordsOf(message)
  const refused: FailedRecord[] = []
  const accepted: unknown[] = []
  let unchecked = 0
  for (const record of records) {
    const verdict = isRecord(record) ? validator.judge(record) : notRecord()
    if (typeof verdict === 'string') {
      accepted.push(record)
      if (verdict === 'unchecked') unchecked++
    } else refused.push({ record, error: verdict })
  }
  return { accepted, refused, unchecked }
}
