/** `msg.error` as Catch nodes set it, for messages that leave by a reject output. */
import type { PipelineError } from './errors'
import type { MessageError } from './message'

export function messageError(
  error: PipelineError,
  node: { readonly id: string; readonly type: string; readonly name?: string | undefined },
): MessageError {
  const source: MessageError['source'] = { id: node.id, type: node.type }
  if (node.name !== undefined && node.name !== '') source.name = node.name
  return { message: error.message, code: error.code, source }
}
