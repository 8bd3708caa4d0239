/** The dialog's button "Check": a deployed `tenant-postgres` prepares the statement as the dialog has it, and runs nothing. */
import { checkStatement } from '../../src/postgres/apply/statement'
import { requirePostgres, type PostgresNode } from '../../src/postgres/require-postgres'
import { addAdminRoute } from '../../src/runtime/admin-route'
import { readApply } from './options'

/** The type of each parameter, as PostgreSQL sees it. */
export interface StatementAnswer {
  readonly parameters: readonly { readonly name: string; readonly type: string }[]
}

export function addStatementRoute(RED: object): void {
  addAdminRoute<PostgresNode>(RED, {
    type: 'tenant-postgres',
    action: 'statement',
    permission: 'write',
    answer: async (node, body): Promise<StatementAnswer> => {
      const { statement, parameters } = readApply({ ...body, ledgerName: 'check' })
      const types = await checkStatement(requirePostgres(node).database, statement, parameters)
      return { parameters: [...types].map(([name, { name: type }]) => ({ name, type })) }
    },
  })
}
