/** Writes dead letters into a PostgreSQL table, which it creates when asked to. */
import { asPipelineError, PipelineError } from '../../wire/errors'
import type { DeadLetter } from '../../dead-letters/dead-letter'
import type { DeadLetterTarget } from '../../dead-letters/dead-letter-queue'
import type { Database } from '../connect/database'
import { prepareDeadLetters, storeDeadLetters } from './dead-letters'
import { DatabaseError } from '../connect/database-error'
import { qualified, type TableName } from '../connect/identifiers'

export class TableDeadLetterTarget implements DeadLetterTarget {
  private ready: boolean

  constructor(
    private readonly database: Database,
    private readonly table: TableName,
    private readonly options: { readonly createTable: boolean },
  ) {
    this.ready = !options.createTable
  }

  async write(letters: readonly DeadLetter[]): Promise<void> {
    if (!this.ready) await prepareDeadLetters(this.database, this.table)
    this.ready = true
    try {
      await this.database.transaction(`writing dead letters to ${qualified(this.table)}`, (client) =>
        storeDeadLetters(client, this.table, letters),
      )
    } catch (thrown) {
      // The table may have been dropped.
      this.ready = !this.options.createTable
      throw permanentIfData(thrown)
    }
  }
}

/** A fault of the values themselves, in a table that was changed: another attempt meets it again. */
function permanentIfData(thrown: unknown): PipelineError {
  const error = asPipelineError(thrown)
  if (!(error instanceof DatabaseError) || error.kind !== 'data') return error
  const { message, status } = error
  return new PipelineError('DEAD_LETTER_REFUSED', message, { retryable: false, status, cause: error })
}
