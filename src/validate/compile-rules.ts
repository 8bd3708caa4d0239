/** The rules of a node, ready to judge: read, with the schemas of files, and compiled. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describeError } from '../wire/errors'
import { compileCondition } from './condition'
import type { CompiledRule, Format } from './record-validator'
import { nameOfRule, readRules, ruleRefused, type Rule } from './rules'
import { compileSchema, parseSchema, type CompiledSchema } from './schema'

/**
 * @param text the list in JSON
 * @param folder where a relative path of a file begins
 * @throws PipelineError `CONFIG_INVALID` with the rule, and the place in its schema
 */
export function compileRules(text: string, folder: string): readonly CompiledRule[] {
  const rules = readRules(text)
  const compiled: { name: string; condition: CompiledRule['condition']; formats: Format[] }[] = []
  for (const [index, rule] of rules.entries()) {
    const name = nameOfRule(rule, index)
    const format = { name, schema: schemaOf(rules, index, folder) }
    if (rule.when === 'or') compiled.at(-1)?.formats.push(format)
    else compiled.push({ name, condition: compileCondition(rule), formats: [format] })
  }
  return compiled
}

function schemaOf(rules: readonly Rule[], index: number, folder: string): CompiledSchema {
  const { file = '', schema = '' } = rules[index] as Rule
  try {
    return compileSchema(parseSchema(file === '' ? schema : readFileSync(path.resolve(folder, file), 'utf8')))
  } catch (error) {
    const why = describeError(error)
    throw ruleRefused(rules, index, file === '' ? `schema: ${why}` : `the file ${file}: ${why}`)
  }
}
