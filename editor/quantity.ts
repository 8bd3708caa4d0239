/**
 * Times and sizes with a unit that people choose. A property keeps its number as it always was, in the unit of its
 * option: 259200000 is shown as 3 days.
 */
import type { Option } from '../src/config/options'

export interface Unit {
  /** Of the words: `shared.unit.<name>`. */
  readonly name: string
  /** In the unit of the option. */
  readonly factor: number
}

export interface Quantity {
  readonly amount: string
  readonly unit: Unit
}

type Units = readonly [Unit, ...Unit[]]

const unit = (name: string, factor: number): Unit => ({ name, factor })
const TIMES: Units = [
  unit('ms', 1),
  unit('s', 1000),
  unit('min', 60_000),
  unit('h', 3_600_000),
  unit('days', 86_400_000),
]
/** Kafka's own settings count in both: kB is 1000 bytes, KiB 1024. */
const SIZES: Units = [
  unit('bytes', 1),
  unit('kB', 1000),
  unit('KiB', 1024),
  unit('MB', 1_000_000),
  unit('MiB', 1_048_576),
]
/** What the units of options are. */
const FAMILIES: Readonly<Record<string, { readonly units: Units; readonly factor: number }>> = {
  ms: { units: TIMES, factor: 1 },
  s: { units: TIMES, factor: 1000 },
  hours: { units: TIMES, factor: 3_600_000 },
  days: { units: TIMES, factor: 86_400_000 },
  bytes: { units: SIZES, factor: 1 },
}

/** The units in which a value of the option can be entered, the smallest first; none when there is nothing to choose. */
export function unitsOf(option: Option): Units | undefined {
  const family = option.kind === 'integer' ? FAMILIES[option.unit] : undefined
  if (option.kind !== 'integer' || family === undefined) return undefined
  const [first, ...others] = family.units
    .map(({ name, factor }) => unit(name, factor / family.factor))
    .filter(({ factor }) => factor >= 1 && factor <= option.max)
  return first === undefined || others.length === 0 ? undefined : [first, ...others]
}

/**
 * @param kept as the property has it; what is no number above 0, such as an environment variable, stays as it is
 * @returns the shortest whole number; a single day is 24 h
 */
export function shown(kept: string, units: Units): Quantity {
  const number = Number(kept)
  const [best] = units
    .filter(({ name, factor }) => number % factor === 0 && (name !== 'days' || number > factor))
    .sort((a, b) => b.factor - a.factor)
  if (!/^\d+$/.test(kept) || number === 0 || best === undefined) return { amount: kept, unit: units[0] }
  return { amount: String(number / best.factor), unit: best }
}

/** @returns what the property keeps; what is no amount stays as it is, for the option to take or to refuse */
export function kept(amount: string, { factor }: Unit): string {
  const text = amount.trim()
  // In binary 0.3 × 1000 is not 300.
  return /^\d+(\.\d+)?$/.test(text) ? String(Number((Number(text) * factor).toPrecision(15))) : text
}

/** A value of an option as people say it; `undefined` when it has no unit of these. */
export function readable(value: number, unitOfOption: string): Quantity | undefined {
  const family = FAMILIES[unitOfOption]
  return family && shown(String(value * family.factor), family.units)
}

/** The units that the words need. */
export function unitNames(option: Option): readonly string[] {
  const family = option.kind === 'integer' ? FAMILIES[option.unit] : undefined
  return family?.units.map(({ name }) => name) ?? []
}
