/** Which numbers of a record are metrics: those at the paths that were chosen, or all numbers of its payload. */
import { readPath, type PropertyPath } from '../../record/property-path'
import type { RecordValues } from '../rows/record-values'

/** Of a payload that is a number itself. */
export const VALUE = 'value'

/** Objects within objects: deeper ones are not looked into. */
const MAX_DEPTH = 8

export interface Metric {
  readonly name: string
  readonly path: PropertyPath
}

/** The metrics of one record. */
export interface Found {
  readonly names: readonly string[]
  /** The number of each name. */
  readonly values: readonly number[]
  /** Values that are there, and are no finite number. */
  readonly skipped: number
}

export type FindMetrics = (values: RecordValues) => Found

/**
 * @param text paths, separated by commas or line breaks; none: all numbers of the payload
 * @returns `undefined` when one of them finds nothing in any record, or two are the same
 */
export function readMetrics(text: string): readonly Metric[] | undefined {
  const parts = text.split(/[,\n]/).map((part) => part.trim())
  const metrics: Metric[] = []
  for (const part of parts.filter((part) => part !== '')) {
    const path = readPath(part, 'known')
    if (path === undefined) return undefined
    metrics.push({ name: nameOf(path), path })
  }
  const names = new Set(metrics.map(({ name }) => name))
  return names.size === metrics.length ? metrics : undefined
}

function nameOf(path: PropertyPath): string {
  const steps = path[0] === 'payload' ? path.slice(1) : path
  return steps.length === 0 ? VALUE : steps.join('.')
}

/**
 * @param metrics     none: all numbers of the payload, with the names of nested ones joined by a point. Lists are left out
 * @param timeProperty holds the time of the record, and is no metric
 */
export function findMetrics(metrics: readonly Metric[], timeProperty: PropertyPath | undefined): FindMetrics {
  if (metrics.length > 0) return (values) => chosen(metrics, values)
  const time = timeProperty?.[0] === 'payload' ? timeProperty.slice(1).join('.') : undefined
  return (values) => {
    const found = { names: [] as string[], values: [] as number[], skipped: 0 }
    const payload = values.payload()
    if (typeof payload === 'number') note(found, VALUE, payload)
    else collect(found, payload, '', time, 0)
    return found
  }
}

interface Finding {
  readonly names: string[]
  readonly values: number[]
  skipped: number
}

function chosen(metrics: readonly Metric[], values: RecordValues): Found {
  const found: Finding = { names: [], values: [], skipped: 0 }
  for (const { name, path } of metrics) {
    const value = path.length === 1 && path[0] === 'payload' ? values.payload() : values.quietlyAt(path)
    if (value !== undefined) note(found, name, value)
  }
  return found
}

function note(found: Finding, name: string, value: unknown): void {
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    found.skipped++
    return
  }
  found.names.push(name)
  // PostgreSQL takes -0 for 0 and shows it as -0.
  found.values.push(value + 0)
}

function collect(
  found: Finding,
  object: unknown,
  prefix: string,
  time: string | undefined,
  depth: number,
): void {
  if (typeof object !== 'object' || object === null || Array.isArray(object) || ArrayBuffer.isView(object))
    return
  for (const [key, value] of Object.entries(object)) {
    const name = prefix + key
    if (typeof value === 'number') {
      if (name !== time) note(found, name, value)
    } else if (depth < MAX_DEPTH) collect(found, value, `${name}.`, time, depth + 1)
  }
}
