/** What the configuration nodes of this package share with the nodes that have chosen them. */
import { PipelineError } from '../wire/errors'
import type { PlainKey } from '../status/phrase'

/** A configuration node: what it shares, under a name of its own, or why it has nothing to share. */
export type ConfigNode<Name extends string, Shared> = { [name in Name]?: Shared | undefined } & {
  problem?: PipelineError | undefined
}

/**
 * What the chosen configuration node shares.
 * @param found what Node-RED gave for the chosen id
 * @param what  for the sentence that asks for one: `a Kafka cluster`
 * @throws PipelineError `CONFIG_INVALID` when none is chosen, or its configuration is wrong
 */
export function sharedBy<Name extends string, Shared>(
  found: ConfigNode<Name, Shared> | undefined | null,
  name: Name,
  what: string,
  status: PlainKey,
): Shared {
  const shared = found?.[name]
  if (shared !== undefined) return shared
  throw (
    found?.problem ??
    new PipelineError(
      'CONFIG_INVALID',
      `"${name}" names no node: choose ${what}; the one that was chosen may have been deleted or disabled`,
      { retryable: false, status },
    )
  )
}
