/**
 * Batches of records as a Kafka consumer emits them, judged by a schema of ten fields, or only parsed. A process of its own,
 * which gets a `ValidationPlan` as its argument; it tells its parent a `ValidationTimes`.
 */
import { compileRules } from '../../src/validate/compile-rules'
import { RecordValidator } from '../../src/validate/record-validator'
import { validateMessage } from '../../src/validate/validate-message'
import type { WireRecord } from '../../src/wire/message'

export interface ValidationPlan {
  readonly records: number
  /** `parse`: what JSON alone costs. */
  readonly work: 'validate' | 'parse'
  /** One record in this many does not fit, in two places; 0: all fit. */
  readonly invalidEvery: number
}

export interface ValidationTimes {
  readonly seconds: number
  readonly cpuMicros: number
  readonly rss: number
}

const BATCH = 1000
const SCHEMA = JSON.stringify({
  type: 'object',
  required: ['time', 'temperature', 'status'],
  properties: {
    time: { type: 'string', format: 'date-time' },
    sequence: { type: 'integer', minimum: 0 },
    temperature: { type: 'number', minimum: -80, maximum: 150 },
    humidity: { type: 'number', minimum: 0, maximum: 100 },
    pressure: { type: 'number', exclusiveMinimum: 0 },
    battery: { type: 'integer', minimum: 0, maximum: 100 },
    status: { enum: ['ok', 'warning', 'fault'] },
    firmware: { type: 'string', pattern: '^[0-9]+\\.[0-9]+\\.[0-9]+$' },
    place: { type: 'string', maxLength: 64 },
    charging: { type: 'boolean' },
  },
  additionalProperties: false,
})

function batchOf(invalidEvery: number): WireRecord[] {
  return Array.from({ length: BATCH }, (_, n) => {
    const isInvalid = invalidEvery > 0 && n % invalidEvery === 0
    const value = {
      time: new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString(),
      sequence: n,
      temperature: isInvalid ? 'hot' : 20 + (n % 100) / 10,
      humidity: 40.5,
      pressure: 1013.25,
      battery: isInvalid ? 101 : n % 101,
      status: 'ok',
      firmware: '2.14.3',
      place: 'hall 3, line 7',
      charging: n % 2 === 0,
    }
    const payload = Buffer.from(JSON.stringify(value))
    return { tenant: 'acme', topic: 'plant/acme/line-7', payload }
  })
}

function main({ records, work, invalidEvery }: ValidationPlan): ValidationTimes {
  const rules = compileRules(JSON.stringify([{ when: 'any', schema: SCHEMA }]), '.')
  const validator = new RecordValidator({ rules, unknownFields: 'reject', noRule: 'reject' })
  const payload = batchOf(invalidEvery)
  const once: Record<ValidationPlan['work'], () => void> = {
    parse: () => payload.forEach((record) => void JSON.parse(String(record.payload))),
    validate() {
      const { refused } = validateMessage(validator, { batch: true, payload })
      const wanted = invalidEvery > 0 ? Math.ceil(BATCH / invalidEvery) : 0
      if (refused.length !== wanted) throw new Error(`${refused.length} records were refused`)
    },
  }
  const measure = (count: number): void => {
    for (let done = 0; done < count; done += BATCH) once[work]()
  }
  measure(records / 5)
  const [cpu, startedAt] = [process.cpuUsage(), performance.now()]
  measure(records)
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { seconds, cpuMicros: user + system, rss: process.memoryUsage.rss() }
}

const times = main(JSON.parse(process.argv[2]!) as ValidationPlan)
process.send?.(times, () => process.exit())
