/** A node as the editor has it, and how its values are read. */

export interface EditorNode {
  readonly id: string
  readonly type: string
  /** The id of its flow or subflow. */
  readonly z?: string
  /** Disabled. */
  readonly d?: boolean
  readonly name?: string
  /** Since it was deployed. */
  readonly changed?: boolean
  /** `undefined` until the editor has looked. */
  readonly valid?: boolean
  readonly validationErrors?: readonly string[]
  readonly [property: string]: unknown
  readonly _def: {
    readonly category: string
    /** By the names of the properties. */
    readonly defaults: Readonly<Record<string, { readonly type?: string; readonly required?: boolean }>>
    readonly credentials?: object
  }
  /** The words of a key in the node's catalogue. */
  _(key: string, values?: object): string
}

/** What Node-RED replaces; the editor knows only those of letters, digits and underscores. */
const WHOLE_VARIABLE = /^\$(\{\S+\}|\(\S+\))$/

export const isVariable = (text: string): boolean => WHOLE_VARIABLE.test(text)

/** A flow file that was written by hand may have a list where the dialog has its text. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : JSON.stringify(value)
}
