/**
 * The configuration that a dialog shows and that may not be deployed yet, completed by what only the server has: saved
 * passwords, and the values of environment variables.
 *
 * A user who may test a connection must not be able to send a secret of the server to an address of their choice. So the
 * server adds one only when the address, and how it is connected to, are as they were deployed. An address itself may
 * come from a variable: what is in there goes nowhere but to that address, and is not shown.
 */
import { SAVED_PASSWORD } from '../config/saved-password'
import { comparable, type OptionTable } from '../config/options'

type Values = Readonly<Record<string, unknown>>

export interface DialogQuestion {
  /** The properties as the dialog has them now. */
  readonly values: Values
  readonly credentials: Values
}

/** The node as it is in the flow file, before Node-RED has put in the values of environment variables. */
export interface SavedConfig {
  readonly values: Values
  readonly credentials: Values
}

export interface Destination {
  readonly options: OptionTable
  /** Properties that hold an address: no error quotes them. */
  readonly addresses: readonly string[]
  /** Other properties that decide where a secret goes, and how well it is protected on the way. */
  readonly transport: readonly string[]
  readonly credentials: readonly string[]
  /** Properties and credentials that are not used with these values. */
  readonly unused?: (values: Values) => readonly string[]
}

export interface DialogConfig {
  readonly values: Record<string, unknown>
  readonly credentials: Record<string, unknown>
  /** Properties with a value that only the server has, and that it does not use here. */
  readonly withheld: readonly string[]
  /** The value of an environment variable stands somewhere besides the addresses: an error may quote it. */
  readonly hasVariables: boolean
}

const VARIABLE = /^\$(?:\{(\S+)\}|\((\S+)\))$/

/**
 * @param saved `undefined`: the node is not deployed
 * @param environment the value of a variable, as for the deployed node
 */
export function dialogConfig(
  { values, credentials }: DialogQuestion,
  saved: SavedConfig | undefined,
  { options, addresses, transport, credentials: secrets, unused }: Destination,
  environment: (name: string) => unknown,
): DialogConfig {
  const textOf = (from: Values, name: string): string => comparable(options[name], from[name])
  const isUnchanged = (name: string): boolean =>
    saved !== undefined && textOf(values, name) === textOf(saved.values, name)
  const goesWhereItWent = [...addresses, ...transport].every(isUnchanged)
  const withheld: string[] = []
  let hasVariables = false

  const resolved = (name: string, given: unknown, isAllowed: boolean): unknown => {
    const variable = variableIn(given)
    if (variable === undefined) return given
    if (!isAllowed) {
      withheld.push(name)
      return ''
    }
    if (!addresses.includes(name)) hasVariables = true
    return environment(variable) ?? given
  }
  const valueOf = (name: string): unknown => {
    const isAllowed = goesWhereItWent && isUnchanged(name)
    if (name === 'passwordEnv' && textOf(values, name) !== '' && !isAllowed) {
      withheld.push(name)
      return ''
    }
    return resolved(name, values[name], isAllowed || addresses.includes(name))
  }
  const credentialOf = (name: string): unknown => {
    const given = credentials[name]
    const stored = saved?.credentials[name]
    const isSaved = given === SAVED_PASSWORD
    if (isSaved && !goesWhereItWent) {
      withheld.push(name)
      return undefined
    }
    return resolved(name, isSaved ? stored : given, goesWhereItWent && (isSaved || given === stored))
  }
  const ignored = unused?.(values) ?? []
  const each = (names: readonly string[], read: (name: string) => unknown): Record<string, unknown> =>
    Object.fromEntries(names.filter((name) => !ignored.includes(name)).map((name) => [name, read(name)]))
  const names = new Set([...Object.keys(options), ...transport])
  const complete = { values: each([...names], valueOf), credentials: each(secrets, credentialOf) }
  return { ...complete, withheld, hasVariables }
}

/** What may be shown of an address: its name as long as a variable holds it. */
export function shownAddress(given: unknown, resolvedTo: string): string {
  return variableIn(given) === undefined ? resolvedTo : String(given)
}

function variableIn(given: unknown): string | undefined {
  if (typeof given !== 'string') return undefined
  const [, inBraces, inParentheses] = VARIABLE.exec(given) ?? []
  return inBraces ?? inParentheses
}
