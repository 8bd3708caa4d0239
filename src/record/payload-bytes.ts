/** Any payload as bytes, without ever throwing: what a device sent stays as it is, the rest becomes text or JSON. */
import { inspect } from 'node:util'

/** `raw`: the bytes as they came; `text`: UTF-8 of a text; `json`, `inspect`: how a value looked; `none`: nothing. */
export type PayloadEncoding = 'raw' | 'text' | 'json' | 'inspect' | 'none'

export interface PayloadBytes {
  readonly bytes: Buffer | null
  readonly encoding: PayloadEncoding
}

export function bytesOf(payload: unknown): PayloadBytes {
  if (payload === undefined || payload === null) return { bytes: null, encoding: 'none' }
  if (Buffer.isBuffer(payload)) return { bytes: payload, encoding: 'raw' }
  if (ArrayBuffer.isView(payload)) {
    return { bytes: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength), encoding: 'raw' }
  }
  if (payload instanceof ArrayBuffer) return { bytes: Buffer.from(payload), encoding: 'raw' }
  if (typeof payload === 'string') return { bytes: Buffer.from(payload), encoding: 'text' }
  const json = asJson(payload)
  if (json !== undefined) return { bytes: Buffer.from(json), encoding: 'json' }
  return { bytes: Buffer.from(asInspected(payload)), encoding: 'inspect' }
}

/** Any value as text. */
export function textOfAny(value: unknown): string {
  return bytesOf(value).bytes?.toString() ?? ''
}

/** Undefined for what JSON cannot say: functions, a getter that throws, a tree deeper than the stack. */
function asJson(value: unknown): string | undefined {
  const path: object[] = []
  try {
    // `this` is the object that holds the value: everything on the path behind it has been left.
    const json: string | undefined = JSON.stringify(
      value,
      function (this: object, _key: string, inner: unknown): unknown {
        if (typeof inner === 'bigint') return inner.toString()
        // JSON has `null` for them, and `{}` for what a Map or a Set holds.
        if (typeof inner === 'number' && !Number.isFinite(inner)) return String(inner)
        if (inner instanceof Map || inner instanceof Set) return [...(inner as Iterable<unknown>)]
        if (typeof inner !== 'object' || inner === null) return inner
        while (path.length > 0 && path.at(-1) !== this) path.pop()
        if (path.includes(inner)) return '[Circular]'
        path.push(inner)
        return inner
      },
    )
    return json
  } catch {
    return undefined
  }
}

function asInspected(value: unknown): string {
  try {
    return inspect(value, { depth: 10, getters: false, customInspect: false })
  } catch {
    return `[${typeof value}]`
  }
}
