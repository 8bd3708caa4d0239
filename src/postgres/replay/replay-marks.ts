/**
 * What makes a replay exactly once: a sink notes in the dead letter's own row, in the transaction that writes the
 * record, that it has written it. A letter that carries the note of a sink is not written by that sink again. Each
 * sink has a note of its own, so that two sinks after one source both get the record.
 */
import type { ClientBase } from 'pg'
import type { WireRecord } from '../../wire/message'
import { replayedLetterOf } from '../../record/replayed'
import type { TableName } from '../connect/identifiers'
import { noteWriting } from './replay-statements'

/**
 * The tables that sources of dead letters of one database send from, by the id of the source. Kept until the end: a sink may
 * still have letters of a source that is gone.
 */
export type ReplayTables = Map<string, TableName>

export class ReplayMarks {
  /** @param sink the sink's name in the ledger; @param formerNames those that it had before */
  constructor(
    private readonly tables: ReplayTables,
    private readonly sink: string,
    private readonly formerNames: readonly string[] = [],
  ) {}

  /**
   * Notes the letters among the records.
   * @returns the records that this sink had written before: then the transaction must be given up, and tried without them
   */
  async note(client: ClientBase, records: readonly WireRecord[]): Promise<readonly WireRecord[]> {
    const before: WireRecord[] = []
    for (const [table, letters] of this.lettersByTable(records)) {
      const ids = await noteWriting(client, table, [...letters.keys()], this.sink, this.formerNames)
      for (const id of ids) before.push(...(letters.get(id) ?? []))
    }
    return before
  }

  /** Only letters of this database; those of another have nothing that could be noted. */
  private lettersByTable(records: readonly WireRecord[]): Map<TableName, Map<string, WireRecord[]>> {
    const tables = new Map<TableName, Map<string, WireRecord[]>>()
    for (const record of records) {
      const letter = replayedLetterOf(record)
      const table = letter && this.tables.get(letter.source)
      if (letter === undefined || table === undefined) continue
      const letters = tables.get(table) ?? new Map<string, WireRecord[]>()
      tables.set(table, letters)
      letters.set(letter.id, [...(letters.get(letter.id) ?? []), record])
    }
    return tables
  }
}
