/**
 * Elements of a batch that are not records. The sink wraps each of them in a marked record as its payload, so that it
 * becomes a dead letter, alone and whole, and its neighbors become rows.
 */
import { isRecord, type WireRecord } from '../../wire/message'
import type { Reason } from './rejected'

/** A symbol, so that copies keep it and no dead letter shows it. */
const ELEMENT = Symbol('an element that is not a record')

export function asRecord(element: unknown): WireRecord {
  return isRecord(element) ? element : { payload: element, [ELEMENT]: true }
}

export function refusedElement(record: WireRecord): Reason | undefined {
  return ELEMENT in record ? NOT_RECORD : undefined
}

const NOT_RECORD: Reason = {
  code: 'RECORD_INVALID',
  text: 'an element of the batch is not a record: each has to be an object with a payload of its own',
}
