/**
 * The properties of a node as its registration lists them: defaults and validators come from the node's option table,
 * and the code that reads the options at run time decides here as well. Dialog and node cannot disagree.
 */
import { readOptions, valueOfNewNode, type Option } from '../src/config/options'
import { isVariable, textOf, type EditorNode } from './node'
import { options } from './options'
import { unitsOf } from './quantity'
import { inUnits } from './quantity-field'

/**
 * Looks at what the option table does not know, such as the other properties of the node.
 * @param text as it is in the flow file, or what stands in for an empty field
 * @returns `true`, `false` for a text that is not what the option expects, or a sentence that says what else is wrong. The editor
 *   shows it as HTML: never the value itself, which may come from an imported flow
 */
export type Check = (this: EditorNode, text: string) => boolean | string

export interface Property {
  /** Of a new node. */
  readonly value: unknown
  /** What it means that a saved node does not have the property. */
  readonly whenMissing?: unknown
  readonly type?: string
  /** Why the value is wrong; `true` when it is not. */
  readonly reason?: (this: EditorNode, value: unknown) => true | string
  readonly validate?: (this: EditorNode, value: unknown, context: object) => true | string
}

/** A configuration node that is chosen. */
export interface Reference {
  readonly type: string
  /** With which settings of the node it is used; always, without it. */
  readonly isUsed?: (node: EditorNode) => boolean
  /** None may be chosen. */
  readonly isOptional?: boolean
}

/**
 * @param checks for some of the options
 * @param references by the property that holds the id of the configuration node
 */
export function properties(
  type: string,
  checks: Readonly<Record<string, Check>> = {},
  references: Readonly<Record<string, Reference>> = {},
): Readonly<Record<string, Property>> {
  const known = Object.entries(options[type] ?? {}).map(([name, option]): [string, Property] => [
    name,
    {
      value: valueOfNewNode(option),
      whenMissing: option.default,
      ...refusing(type, name, function (value) {
        if (isVariable(textOf(value))) return true
        const text = textOf(value) || String(option.default)
        const found = isTaken(name, option, value) && (checks[name]?.call(this, text) ?? true)
        return found === false ? expectation(this, option) : found
      }),
    },
  ])
  const chosen = Object.entries(references).map(([name, reference]): [string, Property] => [
    name,
    {
      value: '',
      type: reference.type,
      ...refusing(type, name, function (id) {
        return reasonAgainst(this, reference, textOf(id))
      }),
    },
  ])
  return { name: { value: '' }, ...Object.fromEntries([...known, ...chosen]) }
}

function reasonAgainst(
  node: EditorNode,
  { isUsed = () => true, isOptional = false }: Reference,
  id: string,
): true | string {
  if (!isUsed(node)) return true
  if (id === '' || id === '_ADD_') return isOptional || node._('shared.reason.noNode')
  const chosen = RED.nodes.node(id)
  if (!chosen) return node._('shared.reason.lostNode')
  return chosen.valid !== false || node._('shared.reason.wrongNode')
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

function refusing(
  type: string,
  name: string,
  reason: NonNullable<Property['reason']>,
): Required<Pick<Property, 'reason' | 'validate'>> {
  return {
    reason,
    // Two parameters: only then does the editor show what is returned.
    validate(value, _context) {
      const found = reason.call(this, value)
      if (found === true) return true
      const key = `${type}.label.${name}`
      const label = this._(key) === key ? name : this._(key)
      return `${label}: ${found}`
    },
  }
}

function isTaken(name: string, option: Option, value: unknown): boolean {
  // At run time a default stands in for it; the dialog shows that the field is meant to have a value.
  if (option.kind === 'text' && option.required && value === '') return false
  return isReadable(() => readOptions({ [name]: option }, { [name]: value }))
}

/** The same words as those of `readOptions`. */
function expectation(node: EditorNode, option: Option): string {
  switch (option.kind) {
    case 'integer': {
      const [min, max] = [option.min, option.max].map((bound) => bound.toLocaleString('en-US'))
      if (option.unit === '') return node._('shared.reason.integer', { min, max })
      const unit = node._(`shared.unit.${option.unit}`)
      if (unitsOf(option) === undefined) return node._('shared.reason.integerOf', { min, max, unit })
      const bounds = {
        min: inUnits(node, option.min, option.unit),
        max: inUnits(node, option.max, option.unit),
      }
      return node._('shared.reason.between', { ...bounds, unit })
    }
    case 'choice':
      return node._('shared.reason.choice', { choices: option.choices.join(', ') })
    case 'flag':
      return node._('shared.reason.flag')
    case 'text':
      if (option.expects === undefined) return node._('shared.reason.required')
      return node._('shared.reason.expected', { what: node._(`shared.expected.${option.expects}`) })
  }
}
