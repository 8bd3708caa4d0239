/** Where the parameters of a statement have their values from: `payload.article, payload.quantity` are `$1` and `$2`. */
import { readColumns, type Column } from '../rows/columns'

/** @throws PipelineError `CONFIG_INVALID` */
export function readParameters(text: string): readonly Column[] {
  const sources = text.split(',').map((source) => source.trim())
  const named = sources.map((from, at) => ({ column: `p${at + 1}`, from }))
  return readColumns(JSON.stringify(named), 'jsonb').map((column, at) => ({
    ...column,
    name: `$${at + 1}`,
    label: `the parameter $${at + 1}`,
  }))
}
