/** Takes fields out of a payload that its schema does not know, and says when the rest would not be what the device sent. */
import type { ErrorObject } from 'ajv'
import { pointerSteps } from '../record/json-pointer'

/** What has to be removed at one place, and below it. */
interface Removal {
  readonly names: Set<string>
  readonly below: Map<string, Removal>
}

/**
 * A copy without the fields that these errors name; what is not on the way to one of them is shared with the original.
 * @returns `undefined` when something else is wrong as well
 */
export function withoutUnknown(value: unknown, errors: readonly ErrorObject[]): unknown {
  const root: Removal = { names: new Set(), below: new Map() }
  for (const { instancePath, params } of errors) {
    const { additionalProperty, unevaluatedProperty } = params as Readonly<Record<string, unknown>>
    const name = additionalProperty ?? unevaluatedProperty
    if (typeof name !== 'string') return undefined
    removalAt(root, instancePath).names.add(name)
  }
  return errors.length === 0 ? undefined : copyWithout(value, root)
}

function removalAt(root: Removal, pointer: string): Removal {
  let at = root
  for (const name of pointerSteps(pointer)) {
    let next = at.below.get(name)
    if (next === undefined) at.below.set(name, (next = { names: new Set(), below: new Map() }))
    at = next
  }
  return at
}

function copyWithout(value: unknown, { names, below }: Removal): unknown {
  if (typeof value !== 'object' || value === null) return value
  const inner = (name: string, element: unknown): unknown => {
    const removal = below.get(name)
    return removal === undefined ? element : copyWithout(element, removal)
  }
  if (Array.isArray(value)) return value.map((element, index) => inner(String(index), element))
  const kept = Object.entries(value).filter(([name]) => !names.has(name))
  // `fromEntries` makes an own property of any name, also of `__proto__`.
  return Object.fromEntries(kept.map(([name, element]) => [name, inner(name, element)]))
}

/** Texts, so that what looks like a number in them is stepped over; and numbers. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
/** Only these can be more than a number of JavaScript holds. */
const MAY_BE_INEXACT = /\d{16}|[eE][+-]?\d{3}/

/**
 * The first number of a JSON text that another one would take the place of if the value were written again: a whole number
 * with more digits than JavaScript keeps, or one that is too large. A fraction loses digits that no sensor measures.
 */
export function inexactNumber(json: string): string | undefined {
  if (!MAY_BE_INEXACT.test(json)) return undefined
  for (const [token] of json.matchAll(TOKENS)) {
    if (token.startsWith('"')) continue
    const value = Number(token)
    if (!Number.isFinite(value)) return token
    if (/^-?\d+$/.test(token) && BigInt(token) !== BigInt(value)) return token
  }
  return undefined
}
