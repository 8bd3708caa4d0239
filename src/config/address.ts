/**
 * Network addresses as people write them: one parser for MQTT, Kafka and PostgreSQL. An address may hold a login, and one
 * that cannot be read may hold pieces of a login anywhere, so no error quotes what was given. The dialogs read addresses with
 * it as well, so it needs nothing of Node.js.
 */
import { PipelineError } from '../wire/errors'
import type { Phrase, PlainKey } from '../status/phrase'

export interface HostPort {
  /** A name in ASCII and lower case, an IP address without brackets, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
}

/** An address in its parts; hosts and path are still as they were given. */
export interface Address {
  /** In lower case; `undefined` when none was given. */
  readonly scheme: string | undefined
  readonly username: string | undefined
  readonly password: string | undefined
  /** One or several, separated by commas. */
  readonly hosts: string
  /** With its slash, or empty. */
  readonly path: string
  /** With its question mark, or empty. */
  readonly search: string
}

/** How a kind of address is named in a sentence. */
export interface AddressKind {
  /** `the address of the MQTT broker` */
  readonly what: string
  /** Forms that are read. */
  readonly expects: string
  readonly status: PlainKey | Phrase
  /** Folders of Unix sockets are hosts. */
  readonly sockets?: boolean
}

/** How to continue when an address must not, or cannot, hold the login. */
export const LOGIN_ADVICE =
  'put user and password into the fields of the configuration node, or into environment variables'

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i
/** Whatever follows these is no part of a host name, and `URL` would drop it. */
const BEHIND_NAME = /[/\\?#@\s]/
const NAME = /^(?=.*[A-Za-z0-9])[A-Za-z0-9._-]+$/
const LOGIN_PARAMETERS = /^(user|username|password|passwd|sslpassword|pwd|clientid|client_id)$/i

/** @throws PipelineError `CONFIG_INVALID` */
export function parseAddress(text: string, kind: AddressKind): Address {
  const given = text.trim()
  const scheme = SCHEME.exec(given)?.[1]
  const rest = scheme === undefined ? given : given.slice(scheme.length + '://'.length)
  const [, authority = '', path = '', search = '', fragment = ''] =
    /^([^/?#]*)([^?#]*)(\?[^#]*)?(#[^]*)?$/.exec(rest) ?? []
  // Whatever stands there may be a piece of a password: read as a host it would be shown.
  if (`${path}${search}${fragment}`.includes('@')) {
    throw unreadable(
      kind,
      `has an @ after a /, ? or #. In a user name or password these are written %2F, %3F and %23; or ${LOGIN_ADVICE}`,
    )
  }
  if (fragment !== '') throw unreadable(kind, 'has a #; in a user name or password it is written %23')
  if ([...new URLSearchParams(search).keys()].some((name) => LOGIN_PARAMETERS.test(name))) {
    throw unreadable(kind, `has a user, password or client ID after the ?; ${LOGIN_ADVICE}`)
  }
  const at = authority.lastIndexOf('@')
  const login = at < 0 ? '' : authority.slice(0, at)
  const colon = login.indexOf(':')
  const [user, secret] = colon < 0 ? [login, ''] : [login.slice(0, colon), login.slice(colon + 1)]
  return {
    scheme: scheme?.toLowerCase(),
    username: user === '' ? undefined : decode(user, kind),
    password: secret === '' ? undefined : decode(secret, kind),
    hosts: authority.slice(at + 1),
    path,
    search,
  }
}

/**
 * A comma-separated list of hosts, each with a port of its own or with the given one.
 * @throws PipelineError `CONFIG_INVALID`
 */
export function parseHosts(list: string, defaultPort: number, kind: AddressKind): HostPort[] {
  const entries = list.split(',')
  return entries.map((entry, index) => {
    const read = parseHost(entry.trim(), defaultPort, kind)
    if (read !== undefined) return read
    const which = entries.length === 1 ? '' : ` (number ${index + 1} of ${entries.length})`
    throw unreadable(kind, `has a host or port${which} that cannot be read`)
  })
}

/** An escaped part of an address. @throws PipelineError `CONFIG_INVALID` */
export function decode(text: string, kind: AddressKind): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw unreadable(
      kind,
      `has a % that does not begin an escape: a % itself is written %25; or ${LOGIN_ADVICE}`,
    )
  }
}

/** One host, for a sentence. */
export function nameOf({ host, port }: HostPort): string {
  if (host.startsWith('/')) return `${host}/.s.PGSQL.${port}`
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

export function unreadable({ what, expects, status }: AddressKind, problem: string): PipelineError {
  return new PipelineError('CONFIG_INVALID', `${what} ${problem}; expected ${expects}`, {
    retryable: false,
    status,
  })
}

function parseHost(text: string, defaultPort: number, kind: AddressKind): HostPort | undefined {
  // More than one colon and no brackets: an IPv6 address without a port.
  if (isIPv6(text)) return { host: text.toLowerCase(), port: defaultPort }
  const [, inBrackets, other, digits] = /^(?:\[([^[\]]+)\]|([^[\]:]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = inBrackets === undefined ? hostOf(other ?? '', kind) : addressOf(inBrackets)
  const port = digits === undefined ? defaultPort : Number(digits)
  return host !== undefined && Number.isInteger(port) && port >= 1 && port <= 65_535
    ? { host, port }
    : undefined
}

/** RFC 6874 writes the % before a zone as %25. */
function addressOf(inBrackets: string): string | undefined {
  const address = inBrackets.replace(/%25(?=.)/, '%')
  return isIPv6(address) ? address.toLowerCase() : undefined
}

function hostOf(text: string, kind: AddressKind): string | undefined {
  if (kind.sockets === true && /^(\/|%2F)/i.test(text)) return decode(text, kind)
  // getaddrinfo knows names in ASCII; certificates name them so, too.
  const name = NAME.test(text) ? text : inAscii(text)
  return !BEHIND_NAME.test(text) && NAME.test(name) ? name.toLowerCase() : undefined
}

function inAscii(name: string): string {
  const url = new URL('ws://none')
  url.hostname = name
  return url.hostname === 'none' ? '' : url.hostname
}

/** A zone may follow, which a URL does not take. */
function isIPv6(text: string): boolean {
  const [, address] = /^([\da-f:.]+)(?:%[\w.-]+)?$/i.exec(text) ?? []
  if (address?.includes(':') !== true) return false
  try {
    return Boolean(new URL(`ws://[${address}]`))
  } catch {
    return false
  }
}
