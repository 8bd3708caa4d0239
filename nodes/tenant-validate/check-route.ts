/** The part of the dialog that says, as one types, what is wrong with a schema. Only the server can compile one. */
import { addAdminRoute } from '../../src/runtime/admin-route'
import { compileSchema, parseSchema } from '../../src/validate/schema'
import { describeError } from '../../src/wire/errors'

export interface CheckAnswer {
  /** A sentence with the place in the schema; left out when it can be used. */
  readonly problem?: string
}

export function addCheckRoute(RED: object): void {
  const answer = ({ schema }: Readonly<Record<string, unknown>>): CheckAnswer => {
    try {
      compileSchema(parseSchema(String(schema)))
      return {}
    } catch (error) {
      return { problem: describeError(error) }
    }
  }
  addAdminRoute(RED, {
    type: 'tenant-validate',
    action: 'check',
    permission: 'write',
    answer: (_node, body) => answer(body),
    answerUndeployed: answer,
  })
}
