/**
 * What a column's type means for a value from a record. Everything else about types is PostgreSQL's affair: it
 * reads the text of a value as its column needs it.
 */

/**
 *  - `time`: parsed by us, because PostgreSQL would accept `now`, `tomorrow` and `infinity`
 *  - `float`: a number may be handed over as JavaScript holds it, because the column holds no more
 *  - `other`: a number is handed over as it was written
 */
export type ColumnFamily = 'time' | 'float' | 'other'

/** Names as in `pg_type`. */
const FAMILIES: Readonly<Record<string, ColumnFamily>> = {
  timestamptz: 'time',
  timestamp: 'time',
  date: 'time',
  float8: 'float',
  float4: 'float',
}

/** @param type the name of the column's type in `pg_type`, of a domain that of its base */
export function familyOf(type: string | undefined): ColumnFamily {
  return (type !== undefined && Object.hasOwn(FAMILIES, type) && FAMILIES[type]) || 'other'
}
