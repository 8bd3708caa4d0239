/** The options of `tenant-rollup`, and what they mean together; its dialog uses this table as well. */
import { flag, integer, readOptions, text, type IntegerOption } from '../../src/config/options'
import { EXPECTED } from '../../src/config/expected'
import type { TableName } from '../../src/postgres/connect/identifiers'
import { nameOption } from '../../src/postgres/connect/name-option'
import { readMetrics, type Metric } from '../../src/postgres/rollup/metrics'
import type { RollupTablesOptions } from '../../src/postgres/rollup/rollup-tables'
import { chosenWindows, WINDOW_OPTIONS } from '../../src/postgres/rollup/windows'
import { readPath, type PropertyPath } from '../../src/record/property-path'
import type { SinkSetup } from '../../src/postgres/sink/run-sink'
import { phrase } from '../../src/status/phrase'
import { PipelineError } from '../../src/wire/errors'

/** 0: windows are kept forever. */
const kept = (days: number): IntegerOption => integer({ default: days, min: 0, max: 3650, unit: 'days' })

export const options = {
  schema: nameOption('public'),
  /** Each length of windows adds its own to this name, such as `iot_rollup_15m`. */
  table: nameOption('iot_rollup'),
  createTable: flag(true),
  /** Empty: all numbers of the payload. */
  metrics: text({ expects: 'metrics' }),
  minute: flag(WINDOW_OPTIONS['1m'].byDefault),
  minuteDays: kept(7),
  quarter: flag(WINDOW_OPTIONS['15m'].byDefault),
  quarterDays: kept(31),
  hour: flag(WINDOW_OPTIONS['1h'].byDefault),
  hourDays: kept(365),
  day: flag(WINDOW_OPTIONS['1d'].byDefault),
  dayDays: kept(0),
  /** Empty: the Kafka timestamp. */
  timeProperty: text({ expects: 'propertyPath' }),
  pastDays: integer({ default: 31, min: 1, max: 3650, unit: 'days' }),
  futureDays: integer({ default: 1, min: 1, max: 365, unit: 'days' }),
  /** Empty: what it writes to, see `sink-name.ts`. */
  ledgerName: text(),
  deadLetterTable: nameOption('iot_dead_letters'),
}

/** Of single messages, which the node gathers; a batch of the consumer is written as it is. */
const LIMITS = { maxRows: 5000, maxBytes: 8_388_608, lingerMs: 20 }

export type RollupConfiguration = Omit<SinkSetup, 'tables' | 'samples'> &
  Pick<RollupTablesOptions, 'base' | 'createTable' | 'metrics' | 'windows' | 'timeProperty' | 'bounds'>

/** @throws PipelineError `CONFIG_INVALID`, also for options that do not fit together */
export function readRollup(config: object): RollupConfiguration {
  const values = readOptions(options, config)
  const base: TableName = { schema: values.schema, table: values.table }
  const windows = chosenWindows(values).map((name) => ({
    name,
    retentionDays: values[WINDOW_OPTIONS[name].days],
  }))
  if (windows.length === 0) throw invalid('minute', 'at least one length of windows')
  const target = `${values.schema}.${values.table}`
  return {
    ...{ base, windows, target },
    createTable: values.createTable,
    metrics: metricsOf(values.metrics),
    timeProperty: timePropertyOf(values.timeProperty),
    bounds: { pastDays: values.pastDays, futureDays: values.futureDays },
    exactlyOnce: 'ledger',
    ledgerName: values.ledgerName === '' ? target : values.ledgerName,
    limits: LIMITS,
    deadLetters: { schema: values.schema, table: values.deadLetterTable },
    outputMayEnd: false,
  }
}

function metricsOf(text: string): readonly Metric[] {
  const metrics = readMetrics(text)
  if (metrics === undefined) throw invalid('metrics', EXPECTED.metrics)
  return metrics
}

function timePropertyOf(path: string): PropertyPath | undefined {
  if (path === '') return undefined
  const read = readPath(path, 'any')
  if (read === undefined) throw invalid('timeProperty', EXPECTED.propertyPath)
  return read
}

function invalid(property: string, expects: string): PipelineError {
  return new PipelineError('CONFIG_INVALID', `"${property}" does not fit; expected ${expects}`, {
    retryable: false,
    status: phrase('check', { option: property }),
  })
}
