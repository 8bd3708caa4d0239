/** Reads the arguments of a command by its table of options. An argument in the wrong place may be a password: no error quotes it. */
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { readOptions, type Option } from '../src/config/options'
import { PipelineError } from '../src/wire/errors'
import type { CommandOption, CommandOptions } from './command'

/** Every command has it. */
export const HELP = 'help'

/**
 * @returns the values by the names of the options; `undefined` when the help is asked for
 * @throws PipelineError `USAGE`, or `CONFIG_INVALID` for a value
 */
export function readArguments(
  options: CommandOptions,
  given: readonly string[],
): Readonly<Record<string, unknown>> | undefined {
  const parsed = parse(options, given)
  if (parsed[HELP] === true) return undefined
  const singles = Object.entries(options).filter(
    (entry): entry is [string, Extract<CommandOption, { reads: Option }>] => entry[1].reads !== 'list',
  )
  const table = Object.fromEntries(singles.map(([name, { reads }]) => [name, reads]))
  const lists = Object.keys(options).filter((name) => !(name in table))
  return {
    ...readOptions(table, parsed),
    ...Object.fromEntries(lists.map((name) => [name, parsed[name] ?? []])),
  }
}

function parse(options: CommandOptions, given: readonly string[]): Record<string, unknown> {
  try {
    const { values } = parseArgs({ args: [...given], options: configOf(options), strict: true })
    return { ...values }
  } catch (thrown) {
    throw refusal(thrown)
  }
}

function configOf(options: CommandOptions): NonNullable<ParseArgsConfig['options']> {
  const entries = Object.entries(options).map(([name, { reads }]) => {
    const isFlag = reads !== 'list' && reads.kind === 'flag'
    return [name, { type: isFlag ? 'boolean' : 'string', multiple: reads === 'list' }] as const
  })
  return { ...Object.fromEntries(entries), [HELP]: { type: 'boolean', short: 'h' } }
}

/** The name of an option in a message of Node.js, up to a `=`. */
const NAME = /'(-{1,2}[A-Za-z][A-Za-z0-9-]*)/

function refusal(thrown: unknown): PipelineError {
  const { code, message = '' } = thrown as { readonly code?: string; readonly message?: string }
  const name = NAME.exec(message)?.[1] ?? 'of this name'
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return usage(`there is no option ${name}`)
  if (code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE')
    return usage(`option ${name} ${/does not take/.test(message) ? 'takes no value' : 'needs a value'}`)
  if (code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL')
    return usage('this command takes options only, each beginning with --')
  return usage('the arguments cannot be read')
}

/** @param sentence what is wrong, and what is expected */
export function usage(sentence: string): PipelineError {
  return new PipelineError('USAGE', sentence, { retryable: false })
}
