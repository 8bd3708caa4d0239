/** What can be wrong with TLS between a server and us, as a code for which the dialogs have words. */

export const TLS_FAULTS = {
  certificateUnknown: 'failed',
  certificateExpired: 'failed',
  certificateOtherHost: 'failed',
  clientCertificate: 'failed',
  noTls: 'failed',
  tlsFailed: 'failed',
} as const

export type TlsFault = keyof typeof TLS_FAULTS

const BY_CODE: Readonly<Record<string, TlsFault>> = {
  CERT_HAS_EXPIRED: 'certificateExpired',
  CERT_NOT_YET_VALID: 'certificateExpired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'certificateOtherHost',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificateUnknown',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificateUnknown',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificateUnknown',
  UNABLE_TO_GET_ISSUER_CERT: 'certificateUnknown',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificateUnknown',
}

const BY_TEXT: readonly (readonly [RegExp, TlsFault])[] = [
  [/alert (bad certificate|certificate|unsupported certificate|unknown ca)/i, 'clientCertificate'],
  [/before secure TLS connection was established|wrong version number|packet length too long/i, 'noTls'],
]

const TLS_CODE = /^(ERR_TLS|ERR_SSL|EPROTO$|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/
const MAX_DEPTH = 10

/** @param thrown an error that may have another one as its cause @returns `undefined` when it is not about TLS */
export function tlsFault(thrown: unknown): TlsFault | undefined {
  let error: unknown = thrown
  for (let depth = 0; depth < MAX_DEPTH && typeof error === 'object' && error !== null; depth++) {
    const { code, message, cause, errors } = error as {
      readonly code?: unknown
      readonly message?: unknown
      readonly cause?: unknown
      readonly errors?: readonly unknown[]
    }
    const byText = BY_TEXT.find(([pattern]) => pattern.test(String(message)))?.[1]
    const found = BY_CODE[String(code)] ?? byText ?? (TLS_CODE.test(String(code)) ? 'tlsFailed' : undefined)
    if (found !== undefined) return found
    error = errors?.[0] ?? cause
  }
  return undefined
}
