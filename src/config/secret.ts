/**
 * A password comes from Node-RED's credentials or from an environment variable whose name the user enters: never
 * from the flow file, which people export and commit.
 */
import { PipelineError } from '../wire/errors'
import { checkVariable, text, type TextOption } from './options'
import { phrase } from '../status/phrase'

/** The option of a configuration node: the variable's name. Empty: the stored password counts. */
export const passwordEnv = (): TextOption =>
  text({
    pattern: /^[A-Za-z_][A-Za-z0-9_]*$/,
    expects: 'environmentVariable',
    confidential: true,
  })

/**
 * @param variable    the name of an environment variable, or empty
 * @param stored      the password in Node-RED's credentials
 * @param environment looks a variable up
 * @returns `undefined` when there is none
 * @throws PipelineError `CONFIG_INVALID` when the variable is named, there or in the credentials, and not set
 */
export function readPassword(
  variable: string,
  stored: unknown,
  environment: (name: string) => unknown,
): string | undefined {
  if (variable === '') checkVariable('password', stored)
  const password = variable === '' ? stored : environment(variable)
  if (typeof password === 'string' && password !== '') return password
  if (variable === '') return undefined
  throw new PipelineError(
    'CONFIG_INVALID',
    `"passwordEnv" names ${variable}, and this environment variable is not set; set it where Node-RED is started`,
    { retryable: false, status: phrase('check', { option: 'passwordEnv' }) },
  )
}
