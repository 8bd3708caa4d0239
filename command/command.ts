/** What a command of the command line is: its options, its help, and what it does. */
import type { Option, OptionTable, OptionValues } from '../src/config/options'
import type { Outlet } from './outlet'

/** What a process ends with; docs/command-line.md has the same list. */
export const EXIT = {
  fine: 0,
  /** A check has failed, or a service has. */
  failed: 1,
  /** The command line, a flow file or an environment variable cannot be used. */
  usage: 2,
} as const

export type Exit = (typeof EXIT)[keyof typeof EXIT]

interface Described {
  /** Stands for the value in the help; empty for a flag. */
  readonly value: string
  /** One sentence, without its full stop. */
  readonly what: string
}
interface SingleOption extends Described {
  readonly reads: Option
}
/** May be given several times. */
interface ListOption extends Described {
  readonly reads: 'list'
}
export type CommandOption = SingleOption | ListOption

/** By name, as it is written after `--`. */
export type CommandOptions = Readonly<Record<string, CommandOption>>

type Singles<T extends CommandOptions> = {
  readonly [K in keyof T as T[K] extends SingleOption ? K : never]: T[K] extends SingleOption
    ? T[K]['reads']
    : never
}
type Lists<T extends CommandOptions> = {
  readonly [K in keyof T as T[K] extends ListOption ? K : never]: readonly string[]
}
export type CommandValues<T extends CommandOptions> = (Singles<T> extends infer S extends OptionTable
  ? OptionValues<S>
  : never) &
  Lists<T>

/** What a command gets of the process around it. */
export interface Call {
  readonly outlet: Outlet
  /** Environment variables. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Ctrl-C. */
  readonly signal: AbortSignal
  /** Asks for a yes at the terminal; false where there is none. */
  readonly confirm: (question: string) => Promise<boolean>
}

export interface Command {
  /** A few lines of the help: what it does, and what it leaves alone. */
  readonly details: readonly string[]
  readonly options: CommandOptions
  /** @throws PipelineError */
  readonly run: (values: never, call: Call) => Promise<Exit>
}

/** The compiler knows the types of the values by the table of options. */
export function command<const T extends CommandOptions>(made: {
  readonly details: readonly string[]
  readonly options: T
  readonly run: (values: CommandValues<T>, call: Call) => Promise<Exit>
}): Command {
  return made
}
