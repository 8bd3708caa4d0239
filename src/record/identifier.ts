/**
 * Names, keys and ids are text from the first byte on. A JavaScript number holds 2^53 whole numbers exactly: of a
 * larger one, of NaN or of 1e21 it is unknown which digits were sent, so it names nothing.
 */
import { PipelineError } from '../wire/errors'
import type { HeaderText } from '../wire/message'
import { phrase } from '../status/phrase'

/** Of every string from Node.js 20 on; TypeScript's library for it does not have it yet. */
interface MaybeWellFormed {
  isWellFormed(): boolean
}

/** Whether a number still has the digits that it was written with. */
export function keepsDigits(value: number): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0)
}

/**
 * @param property for the sentence: `tenant`, `kafka.key`
 * @returns `undefined` when there is none
 * @throws PipelineError, not retryable
 */
export function identifierOf(
  property: string,
  value: unknown,
  code = 'IDENTIFIER_INVALID',
): HeaderText | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') {
    if (!(value as unknown as MaybeWellFormed).isWellFormed())
      throw invalid(code, property, 'has half of a surrogate pair, which UTF-8 cannot hold')
    return value
  }
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (typeof value !== 'number') throw invalid(code, property, 'is neither text nor a Buffer')
  if (!keepsDigits(value))
    throw invalid(code, property, 'is a number that JavaScript does not hold exactly; set it as a string')
  return String(value)
}

function invalid(code: string, property: string, why: string): PipelineError {
  return new PipelineError(code, `msg.${property} ${why}`, {
    retryable: false,
    status: phrase('invalidProperty', { property: property.slice(property.lastIndexOf('.') + 1) }),
  })
}
