/**
 * What a column's type means for a value from a record. Everything else about types is PostgreSQL's affair: it
 * reads the text of a value as its column needs it.
 */

/**
 *  - `time`: parsed by us, because PostgreSQL would accept `now`, `tomorrow` and `infinity`
 *  - `clock`: a time of day, checked by us for the same reason
 *  - `times`: several times in one value; handed over when it has none of these words in it
 *  - `float`: a number may be handed over as JavaScript holds it, because the column holds no more
 *  - `other`: a number is handed over as it was written
 */
export type ColumnFamily = 'time' | 'clock' | 'times' | 'float' | 'other'

/** Names as in `pg_type`. */
const FAMILIES: Readonly<Record<string, ColumnFamily>> = {
  timestamptz: 'time',
  timestamp: 'time',
  date: 'time',
  timetz: 'clock',
  time: 'clock',
  float8: 'float',
  float4: 'float',
}

/** Arrays (their names begin with `_`) and ranges. */
const SEVERAL_TIMES = /^_(?:timestamptz|timestamp|date|timetz|time)$|^_?(?:tstz|ts|date)(?:multi)?range$/

/** @param type the name of the column's type in `pg_type`, of a domain that of its base */
export function familyOf(type: string | undefined): ColumnFamily {
  if (type === undefined) return 'other'
  if (SEVERAL_TIMES.test(type)) return 'times'
  return (Object.hasOwn(FAMILIES, type) && FAMILIES[type]) || 'other'
}
