/**
 * The properties of a node as its registration lists them: defaults and validators come from the node's option table,
 * and the code that reads the options at run time decides here as well. Dialog and node cannot disagree.
 */
import { readOptions, valueOfNewNode, type Option } from '../src/config/options'
import { isVariable, textOf, type EditorNode } from './node'
import { options } from './options'

/**
 * Looks at what the option table does not know, such as the other properties of the node.
 * @param text as it is in the flow file, or what stands in for an empty field
 * @returns `true`, `false`, or a sentence that says what is wrong. The editor shows them as HTML: never the value itself, which
 *   may come from an imported flow
 */
export type Check = (this: EditorNode, text: string) => boolean | string

export interface Property {
  /** Of a new node. */
  readonly value: unknown
  /** What it means that a saved node does not have the property. */
  readonly whenMissing?: unknown
  readonly type?: string
  readonly validate?: (this: EditorNode, value: unknown, context: object) => boolean | string
}

/**
 * @param checks for some of the options: a check, or the key of the words for a value that the option table refuses
 */
export function properties(
  type: string,
  checks: Readonly<Record<string, Check | string>> = {},
): Readonly<Record<string, Property>> {
  const known = Object.entries(options[type] ?? {}).map(([name, option]): [string, Property] => [
    name,
    {
      value: valueOfNewNode(option),
      whenMissing: option.default,
      validate: validator(type, name, option, checks[name]),
    },
  ])
  return { name: { value: '' }, ...Object.fromEntries(known) }
}

/** A configuration node that is needed only with some settings of the node itself. */
export function reference(type: string, isNeeded: (node: EditorNode) => boolean): Property {
  return {
    value: '',
    type,
    validate(value) {
      return !isNeeded(this) || (Boolean(value) && value !== '_ADD_')
    },
  }
}

/** Whether the code that reads a text at run time can read it. */
export function isReadable(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch {
    return false
  }
}

function validator(
  type: string,
  name: string,
  option: Option,
  check: Check | string | undefined,
): NonNullable<Property['validate']> {
  const verdict = (node: EditorNode, value: unknown): boolean | string => {
    if (isVariable(textOf(value))) return true
    if (!isTaken(name, option, value)) {
      if (typeof check === 'string') return node._(check)
      return option.kind === 'integer' && `${option.min} – ${option.max}`
    }
    return typeof check === 'function' ? check.call(node, textOf(value) || String(option.default)) : true
  }
  // Two parameters: only then does the editor show what is returned.
  return function (value, _context) {
    const found = verdict(this, value)
    if (found === true) return true
    const key = `${type}.label.${name}`
    const label = this._(key) === key ? name : this._(key)
    return found === false ? label : `${label}: ${found}`
  }
}

function isTaken(name: string, option: Option, value: unknown): boolean {
  // At run time a default stands in for it; the dialog shows that the field is meant to have a value.
  if (option.kind === 'text' && option.required && value === '') return false
  return isReadable(() => readOptions({ [name]: option }, { [name]: value }))
}
