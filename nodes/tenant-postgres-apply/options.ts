/** The options of `tenant-postgres-apply`; its dialog uses this table as well. */
import { choice, readOptions, text } from '../../src/config/options'
import type { StatementOptions } from '../../src/postgres/apply/statement-writer'
import { readParameters } from '../../src/postgres/apply/parameters'
import { nameOption } from '../../src/postgres/connect/name-option'
import type { SinkWords } from '../../src/postgres/sink/sink-events'
import type { SinkSetup } from '../../src/postgres/sink/run-sink'

export const options = {
  /** One statement with `$1`, `$2` and so on. */
  statement: text({ required: true }),
  /** Paths with commas between them: of `$1` first. */
  parameters: text({ required: true }),
  /** What the ledger calls the effect: each record has it once. */
  ledgerName: text({ required: true }),
  unchanged: choice(['pass', 'reject'], 'pass'),
  deadLetters: choice(['table', 'output', 'outputUnstored'], 'table'),
  /** Of the table of dead letters. */
  schema: nameOption('public'),
  deadLetterTable: nameOption('iot_dead_letters'),
}

/** Of single messages that are gathered; a batch of the consumer is applied as it is. */
const LIMITS = { maxRows: 1000, maxBytes: 8_388_608, lingerMs: 5 }

const WORDS: SinkWords = {
  ready: 'connected to PostgreSQL, and the statement is prepared',
  rejected: 'can never be applied',
  empty: { one: 'the parameter', several: 'the parameters', setIn: '"Parameters"' },
}

export interface ApplyConfiguration extends StatementOptions {
  readonly setup: Omit<SinkSetup, 'tables' | 'samples'>
}

/** @throws PipelineError `CONFIG_INVALID` */
export function readApply(config: object): ApplyConfiguration {
  const values = readOptions(options, config)
  const { statement, ledgerName, deadLetters } = values
  return {
    name: ledgerName,
    statement,
    parameters: readParameters(values.parameters),
    mustChange: values.unchanged === 'reject',
    setup: {
      exactlyOnce: 'ledger',
      ledgerName,
      // A statement that is corrected is the same effect.
      target: `statement ${ledgerName}`,
      effect: statement,
      limits: LIMITS,
      words: WORDS,
      deadLetters:
        deadLetters === 'table' ? { schema: values.schema, table: values.deadLetterTable } : undefined,
      outputMayEnd: deadLetters === 'outputUnstored',
    },
  }
}
