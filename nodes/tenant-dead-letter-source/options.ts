/** The options of `tenant-dead-letter-source`; its dialog uses this table as well. */
import { parseFilterTime, TIME, type DeadLetterFilter } from '../../src/postgres/replay/dead-letter-filter'
import type { DeadLetterSourceOptions } from '../../src/postgres/replay/dead-letter-source'
import { nameOption } from '../../src/postgres/connect/name-option'
import { choice, flag, integer, readOptions, text } from '../../src/config/options'

export const ACTIONS = ['replay', 'list'] as const

export const options = {
  schema: nameOption('public'),
  table: nameOption('iot_dead_letters'),
  createTable: flag(true),
  action: choice(ACTIONS, 'replay'),
  /** Empty, here and below: any. */
  tenant: text(),
  reason: text(),
  from: text({ pattern: TIME, expects: 'instant' }),
  to: text({ pattern: TIME, expects: 'instant' }),
  limit: integer({ default: 1000, min: 1, max: 100_000, unit: 'dead letters' }),
  maxAttempts: integer({ default: 3, min: 2, max: 1000, unit: 'attempts' }),
  windowLetters: integer({ default: 100, min: 1, max: 10_000, unit: 'dead letters' }),
  deliveryTimeoutMs: integer({ default: 30_000, min: 1000, max: 86_400_000, unit: 'ms' }),
}

export interface ReplayConfiguration {
  readonly action: (typeof ACTIONS)[number]
  readonly filter: DeadLetterFilter
  readonly source: Omit<DeadLetterSourceOptions, 'database' | 'replayTables' | 'nodeId'>
}

/** @throws PipelineError `CONFIG_INVALID`, or `FILTER_INVALID` for a date that is none */
export function readReplay(config: object): ReplayConfiguration {
  const { action, schema, table, tenant, reason, from, to, limit, ...same } = readOptions(options, config)
  return {
    action,
    filter: {
      tenant: tenant === '' ? undefined : tenant,
      reason: reason === '' ? undefined : reason,
      fromMs: parseFilterTime('from', from),
      toMs: parseFilterTime('to', to),
      limit,
      before: undefined,
    },
    source: { ...same, table: { schema, table } },
  }
}
