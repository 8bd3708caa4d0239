/** The rules as the dialog has them: a text, or a list of entries, and the words for what the node would refuse. */
import type { EditorNode } from '../../../editor/node'
import {
  listOf,
  ruleFaults,
  WHENS,
  type FaultKey,
  type Rule,
  type RuleFault,
} from '../../../src/validate/rules'

/** What the rows show; further properties stay as they were written. */
export type Entry = Partial<Rule>

/** The words of each fault. */
export const FAULT_WORDS: Readonly<Record<FaultKey, string>> = {
  notList: 'tenant-validate.fault.notList',
  notRule: 'tenant-validate.fault.notRule',
  when: 'tenant-validate.fault.when',
  orFirst: 'tenant-validate.fault.orFirst',
  property: 'tenant-validate.fault.property',
  empty: 'tenant-validate.fault.empty',
  expression: 'tenant-validate.fault.expression',
  lookAround: 'tenant-validate.fault.lookAround',
  topic: 'tenant-validate.fault.topic',
  noSchema: 'tenant-validate.fault.noSchema',
  notJson: 'tenant-validate.fault.notJson',
  notSchema: 'tenant-validate.fault.notSchema',
}

const TEXTS = ['name', 'property', 'is', 'schema', 'file'] as const

/** Whether rows can show all of it. */
export function entriesOf(text: string): Entry[] | undefined {
  if (text.trim() === '') return []
  const list = listOf(text)
  return list?.every(isEntry) === true ? (list as Entry[]) : undefined
}

function isEntry(entry: unknown): boolean {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return false
  const fields = entry as Readonly<Record<string, unknown>>
  return (
    WHENS.some((when) => when === fields.when) &&
    TEXTS.every((name) => fields[name] === undefined || typeof fields[name] === 'string')
  )
}

/** Never the name of a rule: the editor shows what a validator says as HTML. */
export function faultsInWords(node: EditorNode, text: string): string[] {
  return ruleFaults(text).map((fault) => inWords(node, fault))
}

export function inWords(node: EditorNode, { index, key }: RuleFault): string {
  const words = node._(FAULT_WORDS[key])
  return index === undefined ? words : `${node._('tenant-validate.rules.row', { row: index + 1 })}: ${words}`
}

/** Without what the condition, or the kind of the schema, has no use for. */
export function tidied(entry: Entry): Entry {
  const { when = 'any', name, property, is, schema, file, ...others } = entry
  const hasTest = when !== 'any' && when !== 'or'
  return {
    ...(name && { name }),
    when,
    ...(when === 'property' && { property: property ?? '' }),
    ...(hasTest && { is: is ?? '' }),
    ...(file === undefined ? { schema: schema ?? '' } : { file }),
    ...others,
  }
}
