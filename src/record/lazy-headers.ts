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
    if (headers !== undefined) keep(this, headers)
    return headers
  },
  set(headers: unknown) {
    keep(this, headers)
  },
}

function keep(kafka: object, value: unknown): void {
  Unread.forget(kafka)
  Object.defineProperty(kafka, 'headers', { value, enumerable: true, configurable: true, writable: true })
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
