import type { ClientBase } from 'pg'

/** Ends the statement that begins with this mark, whichever connection of our role it runs on. */
export async function cancelStatement(client: ClientBase, mark: string): Promise<void> {
  await client.query(
    `\
select pg_cancel_backend(pid) from pg_stat_activity
 where pid <> pg_backend_pid() and state = 'active' and starts_with(query, $1)`,
    [mark],
  )
}
