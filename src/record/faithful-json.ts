/**
 * A value that a flow has made, as JSON that means the same. `JSON.stringify` alone turns NaN, an infinite number and
 * a Date that is none into `null`, a Map, a Set and an Error into `{}`, and a function in a list into `null`.
 */

/** Only JSON with one of these can hide such a value: most has none, and needs no second look. */
const MAY_HIDE = /null|\{\}/

/**
 * @param textOf what bytes inside of the value become; without it they stay what Node.js makes of them, which can be
 *   read back: `{"type":"Buffer","data":[…]}`
 * @throws for what JSON cannot say
 */
export function faithfulJson(value: unknown, textOf?: (bytes: Uint8Array) => string): string {
  const json = JSON.stringify(value) as string | undefined
  if (json === undefined) throw new Error(`a ${typeof value} cannot be stored`)
  if (textOf === undefined && !MAY_HIDE.test(json)) return json
  return JSON.stringify(
    value,
    function (this: Record<string, unknown>, key: string, inner: unknown): unknown {
      const raw = this[key]
      if (textOf !== undefined && raw instanceof Uint8Array) return textOf(raw)
      assertSayable(raw, inner, Array.isArray(this))
      return inner
    },
  )
}

function assertSayable(raw: unknown, inner: unknown, inList: boolean): void {
  const isLost =
    (typeof raw === 'number' && !Number.isFinite(raw)) ||
    (raw instanceof Date && isNaN(raw.getTime())) ||
    (inList && (typeof raw === 'function' || typeof raw === 'symbol')) ||
    isOtherObject(inner)
  if (isLost) throw new Error(`${nameOf(raw)} has no JSON`)
}

/** An object that keeps what it has where JSON does not look. */
function isOtherObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  if (Object.keys(value).length > 0) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  // Of a plain object of another realm, such as that of a Function node, the prototype is the end as well.
  return prototype !== null && Object.getPrototypeOf(prototype) !== null
}

function nameOf(value: unknown): string {
  if (typeof value === 'number') return String(value)
  return Object.prototype.toString.call(value).slice(8, -1)
}
