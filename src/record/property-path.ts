/** Paths into a record, such as `payload.values.0`: parsed once, and refused when they can never find anything. */
import type { KafkaFields, MqttFields, TenantFields } from '../wire/message'

/** A path such as `['kafka', 'offset']` into a record. */
export type PropertyPath = readonly [string, ...string[]]

const UNSAFE = new Set(['__proto__', 'constructor', 'prototype'])

/** How many steps may follow a property, or which ones. */
type Shape = number | { readonly [property: string]: Shape }

const ANY = Infinity
const KAFKA = {
  topic: 0,
  key: 0,
  partition: 0,
  timestamp: 0,
  /** A name, and which of several values. */
  headers: 2,
  offset: 0,
  clusterId: 0,
  group: 0,
  nextOffset: 0,
} satisfies Record<keyof KafkaFields, Shape>

/** What our nodes set on a record. */
const PROPERTIES = {
  topic: 0,
  payload: ANY,
  qos: 0,
  retain: 0,
  userProperties: 2,
  contentType: 0,
  receivedAt: 0,
  messageId: 0,
  tenant: 0,
  project: 0,
  device: 0,
  levels: 1,
  kafka: KAFKA,
  deadLetter: { id: 0, source: 0, attempts: 0 },
  error: ANY,
} satisfies Record<keyof MqttFields | keyof TenantFields | 'kafka' | 'deadLetter' | 'error', Shape>

/**
 * Reads a path. `msg.` may stand before it.
 * @param known refuse a property that no node of ours sets, unless `msg.` says that a node of the flow does
 * @returns `undefined` for a path that finds nothing in any record
 */
export function readPath(text: string, known: 'known' | 'any'): PropertyPath | undefined {
  const steps = text.split('.')
  const isExplicit = steps[0] === 'msg' && steps.length > 1
  if (isExplicit) steps.shift()
  if (steps.some((step) => step === '' || UNSAFE.has(step))) return undefined
  const [first, ...rest] = steps as [string, ...string[]]
  const shape = shapeOf(PROPERTIES, first)
  const leads = shape === undefined ? isExplicit || known === 'any' : reaches(shape, rest)
  return leads ? [first, ...rest] : undefined
}

function shapeOf(properties: Readonly<Record<string, Shape>>, name: string): Shape | undefined {
  return Object.hasOwn(properties, name) ? properties[name] : undefined
}

function reaches(shape: Shape, steps: readonly string[]): boolean {
  const [first, ...rest] = steps
  if (first === undefined) return true
  if (typeof shape === 'number') return steps.length <= shape
  const inner = shapeOf(shape, first)
  return inner !== undefined && reaches(inner, rest)
}

/** Own properties only, so that no name reaches into a prototype. @param from the first step of the path that is taken */
export function follow(start: unknown, path: readonly string[], from: number): unknown {
  let value = start
  for (let index = from; index < path.length; index++) {
    const step = path[index] as string
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string, unknown>)[step]
  }
  return value
}
