/** The properties of the last record that a consumer upstream has sent, as far as it is deployed. */
import { post } from '../../../editor/ask'
import type { EditorNode } from '../../../editor/node'
import { nodesAlong } from '../../../editor/wires'

/** Filled when the consumer has answered: a field that is typed in later offers them. */
export function pathsUpstream(node: EditorNode): readonly string[] {
  const paths: string[] = []
  const consumers = nodesAlong(node, 'upstream').filter(({ type }) => type === 'tenant-kafka-consumer')
  for (const { id } of consumers) {
    // Without an answer there is nothing to offer, which is no reason to disturb.
    void post(`tenant-kafka-consumer/${id}/sample`).done(
      ({ sample }: { readonly sample?: { readonly paths: readonly string[] } }) => {
        for (const path of sample?.paths ?? []) if (!paths.includes(path)) paths.push(path)
      },
    )
  }
  return paths
}
