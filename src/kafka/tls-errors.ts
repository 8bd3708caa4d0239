/** What can be wrong with TLS between a broker and us, and on which of the two sides to fix it. */
import type { PlainKey } from '../status/phrase'

export interface TlsWords {
  readonly status: PlainKey
  /** In the place of OpenSSL's text where that says nothing to a user. */
  readonly reason?: string
  readonly advice: string
}

const UNKNOWN_AUTHORITY: TlsWords = {
  status: 'unknownCertificate',
  advice: "choose TLS settings with the certificate of the authority that issued the broker's",
}
const NO_TLS: TlsWords = {
  status: 'kafkaNoTls',
  advice: "switch TLS off, or use the address of the broker's TLS listener",
}
const WANTS_TLS: TlsWords = {
  status: 'kafkaTlsOnly',
  advice: 'switch "Use TLS" on',
}
const CLIENT_CERTIFICATE: TlsWords = {
  status: 'kafkaClientCertificate',
  reason: 'the broker ended the TLS handshake because of our certificate',
  advice: 'choose TLS settings with a client certificate that the broker trusts and that has not expired',
}
const OTHER: TlsWords = {
  status: 'kafkaTlsFailed',
  advice: 'check the certificates, and whether this port speaks TLS',
}

/** Given to a connection on which a TLS alert came back though we spoke without TLS. */
export const WANTS_TLS_CODE = 'ERR_TLS_WANTED'

const BY_CODE: Readonly<Record<string, TlsWords>> = {
  [WANTS_TLS_CODE]: WANTS_TLS,
  CERT_HAS_EXPIRED: { status: 'certificateExpired', advice: "renew the broker's certificate" },
  CERT_NOT_YET_VALID: {
    status: 'certificateNotYetValid',
    advice: "check the clocks, and the broker's certificate",
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    status: 'certificateOfAnotherHost',
    advice: 'use an address that the certificate names, or give the server name in the TLS settings',
  },
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
}

const BY_MESSAGE: readonly (readonly [RegExp, TlsWords])[] = [
  [/alert (bad certificate|certificate|unsupported certificate|unknown ca)/i, CLIENT_CERTIFICATE],
  [/before secure TLS connection was established|wrong version number|packet length too long/i, NO_TLS],
]

const TLS_CODE = /^(ERR_TLS|ERR_SSL|EPROTO$|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/

/** @returns `undefined` when the error is not about TLS */
export function tlsWords(code: string | number | undefined, message: string): TlsWords | undefined {
  const byCode = BY_CODE[String(code)]
  if (byCode !== undefined) return byCode
  const byMessage = BY_MESSAGE.find(([pattern]) => pattern.test(message))
  return byMessage?.[1] ?? (TLS_CODE.test(String(code)) ? OTHER : undefined)
}

/** A TLS record of the type "alert", in any version: what a TLS server says to a client that speaks without. */
export function isTlsAlert(firstBytes: Buffer): boolean {
  return firstBytes[0] === 21 && firstBytes[1] === 3 && (firstBytes[2] ?? 255) <= 4
}
