import type { ClientBase } from 'pg'

/** The server's time of day, in milliseconds since 1970; also within a transaction that has begun long ago. */
export const NOW_MS = '(extract(epoch from clock_timestamp()) * 1000)::float8'

export async function readClock(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ now: number }>(`select ${NOW_MS} as now`)
  return (rows[0] as { now: number }).now
}
