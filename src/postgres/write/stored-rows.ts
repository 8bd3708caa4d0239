/**
 * How many rows were stored, for the audit. It is what PostgreSQL answers to `COPY`, but for relations whose trigger
 * decides what becomes of a row. A trigger that puts it elsewhere and returns NULL has stored it, and PostgreSQL does not
 * count it; that of a view may return the row and store nothing, and PostgreSQL does. There the rows count that were
 * written elsewhere meanwhile. Rules have no say: `COPY` leaves them out.
 */
import type { ClientBase } from 'pg'
import { DatabaseError } from '../connect/database-error'
import type { TableName } from '../connect/identifiers'
import { countElsewhere, type Decider, whoDecides } from './write-statements'

/**
 * @param reported what PostgreSQL says
 * @param elsewhere rows that were written outside of the relation at the same time
 */
export function storedRows(decider: Decider, sent: number, reported: number, elsewhere: number): number {
  switch (decider) {
    case 'nobody':
      return reported
    case 'table':
      // Not when it is another number: then a trigger writes a log, or the like, and has swallowed rows.
      return elsewhere === sent - reported ? sent : reported
    case 'view':
      return elsewhere > sent ? reported : elsewhere
  }
}

export class StoredRows {
  private decider: Decider | undefined

  constructor(private readonly table: TableName) {}

  /**
   * @param copy sends the rows, and gives what PostgreSQL says
   * @throws DatabaseError of kind `transient` for the first batch that meets a new trigger: it is to be written again
   */
  async count(client: ClientBase, sent: number, copy: () => Promise<number>): Promise<number> {
    this.decider ??= await whoDecides(client, this.table)
    const before = this.decider === 'nobody' ? 0 : await countElsewhere(client, this.table)
    const reported = await copy()
    if (reported < sent && this.decider === 'nobody') {
      this.decider = await whoDecides(client, this.table)
      if (this.decider !== 'nobody') throw triggerMadeMeanwhile(this.table)
    }
    if (this.decider === 'nobody' || before === null) return reported
    const after = await countElsewhere(client, this.table)
    return after === null ? reported : storedRows(this.decider, sent, reported, after - before)
  }
}

function triggerMadeMeanwhile({ table }: TableName): DatabaseError {
  const text = `a trigger was made that decides what becomes of the rows of "${table}"; writing them again, to count them`
  return new DatabaseError('transient', 'NEW_TRIGGER', text, 'new trigger')
}
