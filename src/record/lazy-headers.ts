/**
 * `kafka.headers` of a record that was read: a dictionary of Buffers, one for each header. It is made when something
 * looks at it, which most flows never do; until then a record has half as many objects, and all of them live until its
 * transaction is committed, through several collections of garbage.
 *
 * It is a property like any other, enumerable, in its place, and its own: copies, JSON and spreads read it and have a
 * dictionary. What was read is kept, and may be changed.
 */
import type { KafkaFields } from '../wire/message'

/** Where the headers come from. */
export interface HeaderSource {
  readonly headers: object
  hasHeader(name: string): boolean
}

/** Makes the object that it is given the one which is constructed. */
class Given {
  constructor(object: object) {
    return object
  }
}

/** A private field on the object itself: nothing that copies or lists an object sees it, and it costs no map. */
class Unread extends Given {
  #source: HeaderSource | undefined

  constructor(kafka: KafkaFields, source: HeaderSource) {
    super(kafka)
    this.#source = source
  }

  static sourceOf(kafka: object): HeaderSource | undefined {
    return #source in kafka ? kafka.#source : undefined
  }

  static keep(kafka: object, headers: object): void {
    const source = Unread.sourceOf(kafka)
    if (#source in kafka && source !== undefined)
      kafka.#source = { headers, hasHeader: (name) => source.hasHeader(name) || Object.hasOwn(headers, name) }
  }

  static forget(kafka: object): void {
    if (#source in kafka) kafka.#source = undefined
  }
}

/** One for all records, so that they keep one hidden class. */
const UNREAD: PropertyDescriptor & ThisType<KafkaFields> = {
  enumerable: true,
  configurable: true,
  get() {
    const headers = Unread.sourceOf(this)?.headers
    // Of an object that was frozen the property cannot be replaced: what was read is kept in the field.
    if (headers !== undefined && !keep(this, headers)) Unread.keep(this, headers)
    return headers
  },
  set(headers: unknown) {
    if (!keep(this, headers)) throw new TypeError('kafka is frozen: its headers cannot be replaced')
  },
}

/** @returns false when the object is frozen */
function keep(kafka: object, value: unknown): boolean {
  const property = { value, enumerable: true, configurable: true, writable: true }
  if (!Reflect.defineProperty(kafka, 'headers', property)) return false
  Unread.forget(kafka)
  return true
}

/** Adds the property, as the last one. */
export function addHeaders(kafka: KafkaFields, source: HeaderSource): KafkaFields {
  Object.defineProperty(kafka, 'headers', UNREAD)
  new Unread(kafka, source)
  return kafka
}

/** Whether there may be a header of this name, without making the dictionary. */
export function mayHaveHeader({ kafka }: { readonly kafka?: unknown }, name: string): boolean {
  if (typeof kafka !== 'object' || kafka === null) return false
  return Unread.sourceOf(kafka)?.hasHeader(name) ?? true
}
