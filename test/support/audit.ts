/** What the ledger's audit says. */

export interface AuditLine {
  readonly sink: string
  readonly partition: number
  readonly first: number
  readonly next: number
  readonly rows: number
  readonly deadLetters: number
  readonly filtered: number
  readonly added: number
  readonly unaccounted: number | null
}

export function auditLines(query: (text: string) => Promise<object[]>): Promise<AuditLine[]> {
  return query(
    `select sink, "partition", first_offset::float8 as first, next_offset::float8 as next, stored_rows::float8 as rows,
            dead_letters::float8 as "deadLetters", filtered::float8 as filtered, added::float8 as added,
            unaccounted::float8 as unaccounted
       from iot_ledger_audit order by sink, "partition"`,
  ) as Promise<AuditLine[]>
}
