/**
 * The credentials of a flow file, as Node-RED keeps them beside it: `flows.json` has `flows_cred.json`. They are encrypted
 * with the `credentialSecret` of `settings.js`, or with a secret that Node-RED has made and keeps in `.config.runtime.json`.
 */
import { createDecipheriv, createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { PipelineError } from '../../src/wire/errors'

/** Of `settings.js` in containers and charts: `credentialSecret: process.env.NODE_RED_CREDENTIAL_SECRET`. */
export const SECRET_VARIABLE = 'NODE_RED_CREDENTIAL_SECRET'

/** By the id of a node. */
export type Credentials = Readonly<Record<string, Readonly<Record<string, unknown>>>>

const IV_DIGITS = 32
const RUNTIME_SETTINGS = ['.config.runtime.json', '.config.json']

/**
 * @param secretFile names a file that holds the secret; empty: the variable, or what Node-RED has made, is used
 * @throws PipelineError `CONFIG_INVALID`
 */
export function readCredentials(
  flowFile: string,
  secretFile: string,
  environment: Readonly<Record<string, string | undefined>>,
): Credentials {
  const { dir, name, ext } = path.parse(flowFile)
  const file = path.join(dir, `${name}_cred${ext}`)
  if (!existsSync(file)) return {}
  const found = readJson(file) as Credentials & { readonly $?: unknown }
  if (typeof found.$ !== 'string') return found
  const secret = secretFile !== '' ? readSecret(secretFile) : environment[SECRET_VARIABLE] || madeSecret(dir)
  if (secret === undefined) {
    throw invalid(
      `${file} is encrypted: set ${SECRET_VARIABLE} to the credentialSecret of settings.js, or name a file that has it ` +
        'with --secret-file',
    )
  }
  return decrypt(found.$, secret, file)
}

/** As Node-RED encrypts: AES-256-CTR by the SHA-256 of the secret, with the initialization vector before the text. */
function decrypt(text: string, secret: string, file: string): Credentials {
  const key = createHash('sha256').update(secret).digest()
  try {
    const decipher = createDecipheriv('aes-256-ctr', key, Buffer.from(text.slice(0, IV_DIGITS), 'hex'))
    const plain = decipher.update(text.slice(IV_DIGITS), 'base64', 'utf8') + decipher.final('utf8')
    return JSON.parse(plain) as Credentials
  } catch {
    // The text of the error would quote a piece of what was decrypted.
    throw invalid(`${file} cannot be decrypted with this secret: it is not the one that Node-RED uses`)
  }
}

function readSecret(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch {
    throw invalid(`${file}, which --secret-file names, cannot be read`)
  }
}

function madeSecret(folder: string): string | undefined {
  for (const name of RUNTIME_SETTINGS) {
    const file = path.join(folder, name)
    if (!existsSync(file)) continue
    const { _credentialSecret: secret } = readJson(file) as { readonly _credentialSecret?: unknown }
    if (typeof secret === 'string') return secret
  }
  return undefined
}

/** @throws PipelineError `CONFIG_INVALID` when there is no such file, or it is no JSON */
export function readJson(file: string): object {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const isMissing = (error as { readonly code?: unknown }).code === 'ENOENT'
    throw invalid(isMissing ? `there is no file ${file}` : `${file} cannot be read`)
  }
  try {
    const found: unknown = JSON.parse(text)
    if (typeof found === 'object' && found !== null) return found
  } catch {
    // The text of the error would quote a piece of the file.
  }
  throw invalid(`${file} is not JSON as Node-RED writes it`)
}

function invalid(sentence: string): PipelineError {
  return new PipelineError('CONFIG_INVALID', sentence, { retryable: false })
}
