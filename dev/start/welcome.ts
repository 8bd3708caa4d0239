/** What `npm start` says to a person once everything runs. */

export interface Running {
  readonly editorUrl: string
  readonly mqtt: string
  readonly kafka: string
  readonly database: string
  /** The table that the flow writes to. */
  readonly table: string | undefined
}

/** @returns lines with a heading each. The password of a server that the user has named is in none. */
export function welcome(
  { editorUrl, mqtt, kafka, database, table }: Running,
  env: Readonly<Record<string, string | undefined>> = process.env,
): readonly (readonly [heading: string, text: string])[] {
  const isOwn = env['DATABASE_URL'] !== database
  const { address, password } = withoutPassword(database)
  const login = isOwn && password !== '' ? ` with the password ${password}` : ''
  const psql = isOwn ? `psql ${database}` : 'psql "$DATABASE_URL"'
  const query = `select * from ${table} order by created_at desc limit 5`
  return [
    ['Open', editorUrl],
    ...(table === undefined ? [] : ([['See rows', `${psql} -c "${query}"`]] as const)),
    // As the dialogs take them: in a flow file there must be no password.
    ['In dialogs', `${withoutPassword(mqtt).address}, ${kafka}, ${address}${login}`],
    ['Stop', 'Ctrl-C, which waits for the last messages and adds up'],
  ]
}

/** An address that a dialog takes, and the password that belongs into its own field. */
function withoutPassword(url: string): { address: string; password: string } {
  const [, scheme = '', user = '', password = '', rest = ''] =
    /^(\w+:\/\/)([^/@:]*):([^/]*)@(.*)$/.exec(url) ?? []
  return scheme === '' ? { address: url, password: '' } : { address: `${scheme}${user}@${rest}`, password }
}
