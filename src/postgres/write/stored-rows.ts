/**
 * How many rows were stored, for the audit: what PostgreSQL answers to `COPY`, except for relations whose trigger decides
 * where a row goes. A trigger that stores it elsewhere and returns NULL has stored it, and PostgreSQL does not count it;
 * one of a view may return the row and store nothing, and PostgreSQL counts it. For these, the rows count that were
 * written elsewhere meanwhile. Rules do not matter: `COPY` does not invoke them.
 */
import type { ClientBase } from 'pg'
import { DatabaseError } from '../connect/database-error'
import type { TableName } from '../connect/identifiers'
import { countElsewhere, type Decider, whoDecides } from './write-statements'

/**
 * @param reported what PostgreSQL says
 * @param elsewhere rows that this transaction wrote outside the relation meanwhile
 */
export function storedRows(decider: Decider, sent: number, reported: number, elsewhere: number): number {
  switch (decider) {
    case 'none':
      return reported
    case 'table':
      // With another number a trigger writes a log, or the like, and has dropped rows.
      return elsewhere === sent - reported ? sent : reported
    case 'view':
      return elsewhere > sent ? reported : elsewhere
  }
}

export class StoredRows {
  private decider: Decider | undefined

  constructor(private readonly table: TableName) {}

  /**
   * @param copy sends the rows, and resolves to what PostgreSQL answers
   * @throws DatabaseError of kind `transient` for the first batch that meets a new trigger: write it again
   */
  async count(client: ClientBase, sent: number, copy: () => Promise<number>): Promise<number> {
    this.decider ??= await whoDecides(client, this.table)
    const before = this.decider === 'none' ? 0 : await countElsewhere(client, this.table)
    const reported = await copy()
    if (reported < sent && this.decider === 'none') {
      this.decider = await whoDecides(client, this.table)
      if (this.decider !== 'none') throw triggerCreatedMeanwhile(this.table)
    }
    if (this.decider === 'none' || before === null) return reported
    const after = await countElsewhere(client, this.table)
    return after === null ? reported : storedRows(this.decider, sent, reported, after - before)
  }
}

function triggerCreatedMeanwhile({ table }: TableName): DatabaseError {
  const text = `a new trigger decides where the rows of "${table}" go; writing them again, to count them`
  return new DatabaseError('transient', 'NEW_TRIGGER', text, 'postgresNewTrigger')
}
