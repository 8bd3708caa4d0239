/**
 * Certificates of one of Node-RED's TLS configurations, as they are on disk at each connection. Node-RED reads the files
 * once, when it deploys; certificates live for days or weeks, and renewing them is no deploy.
 */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext, type ConnectionOptions } from 'node:tls'
import { describeError, PipelineError } from '../wire/errors'
import type { EventLog } from '../log/event-log'
import { phrase } from '../status/phrase'

/** What the next connection is made with; asked for each. */
export type TlsSource = () => ConnectionOptions

/** Node-RED's own `tls-config` node. */
interface TlsNode {
  readonly valid?: boolean
  readonly name?: string
  addTLSOptions?(options: ConnectionOptions): ConnectionOptions
}

/** What is needed of `RED`. */
export interface TlsRuntime {
  readonly nodes: {
    getNode(id: string): unknown
    eachNode(callback: (config: { readonly id: string }) => void): void
  }
  readonly util: { getSetting(node: unknown, name: string): unknown }
}

type Files = Readonly<Partial<Record<'cert' | 'key' | 'ca', string>>>
type Texts = Partial<Record<keyof Files, Buffer>>

const DAY_MS = 86_400_000
const WARN_BEFORE_MS = 14 * DAY_MS
/** Of its life: a certificate that lives for a day is renewed within hours. */
const WARN_BEFORE_SHARE = 0.1
const LOOK_EVERY_MS = DAY_MS / 4

/**
 * @param id of the TLS configuration; empty: none is chosen
 * @throws PipelineError `CONFIG_INVALID` when it is missing, disabled, or has files that cannot be read
 */
export function tlsSettings(
  RED: TlsRuntime,
  id: string | undefined,
  log: Pick<EventLog, 'note'>,
): TlsSettings | undefined {
  if (id === undefined || id === '') return undefined
  const node = RED.nodes.getNode(id) as TlsNode | null
  if (node?.valid !== true || node.addTLSOptions === undefined) {
    throw new PipelineError('CONFIG_INVALID', '"tls" names TLS settings that are missing or invalid', {
      retryable: false,
      status: phrase('check', { option: 'tls' }),
    })
  }
  const options = node.addTLSOptions({})
  checkTls(options)
  return new TlsSettings(options, filesOf(RED, id, node), log)
}

/**
 * Refuses a certificate or key that cannot be read, before the first connection does.
 * @throws PipelineError `CONFIG_INVALID`
 */
export function checkTls(tls: ConnectionOptions): void {
  try {
    createSecureContext(tls)
  } catch (error) {
    const reason = describeError(error)
    throw new PipelineError(
      'CONFIG_INVALID',
      `"tls" has a certificate or key that cannot be used (${reason}); expected PEM texts that belong together`,
      { retryable: false, status: phrase('check', { option: 'tls' }) },
    )
  }
}

export class TlsSettings {
  private current: ConnectionOptions
  private announced: string | undefined
  private readonly timer: NodeJS.Timeout

  constructor(
    initial: ConnectionOptions,
    private readonly files: Files,
    private readonly log: Pick<EventLog, 'note'>,
    private readonly now: () => number = Date.now,
  ) {
    this.current = initial
    this.announce()
    this.timer = setInterval(() => this.options(), LOOK_EVERY_MS)
    this.timer.unref()
  }

  /** Files that cannot be read, or do not belong together because they are just being replaced, leave what was before. */
  readonly options: TlsSource = () => {
    const renewed = { ...this.current, ...readAll(this.files) }
    if (isUsable(renewed)) this.current = renewed
    this.announce()
    return this.current
  }

  close(): void {
    clearInterval(this.timer)
  }

  /** Once for each certificate; a later one of a short life only when it was not renewed in time. */
  private announce(): void {
    const certificate = certificateOf(this.current.cert)
    if (certificate === undefined || certificate.fingerprint256 === this.announced) return
    const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]
    const leftMs = to - this.now()
    const beforeMs =
      this.announced === undefined
        ? WARN_BEFORE_MS
        : Math.min(WARN_BEFORE_MS, (to - from) * WARN_BEFORE_SHARE)
    if (leftMs >= beforeMs) return
    this.announced = certificate.fingerprint256
    const when = new Date(to).toISOString()
    const verb = leftMs > 0 ? 'expires' : 'has expired'
    const how =
      this.files.cert === undefined
        ? 'Replace it in the TLS configuration'
        : `Replace ${this.files.cert}; the next connection uses it, without a deploy`
    this.log.note(
      'TLS_EXPIRING',
      `the client certificate of the TLS configuration ${verb} at ${when}. ${how}`,
    )
  }
}

/** Paths stand in the flow file only; environment variables are replaced as Node-RED does. */
function filesOf(RED: TlsRuntime, id: string, node: TlsNode): Files {
  let config: Readonly<Record<string, unknown>> = {}
  RED.nodes.eachNode((entry) => {
    if (entry.id === id) config = entry
  })
  const path = (name: keyof Files): Files => {
    const given = config[name]
    if (typeof given !== 'string') return {}
    const [, variable] = /^\$\{(\S+)\}$/.exec(given) ?? []
    const file = variable === undefined ? given.trim() : String(RED.util.getSetting(node, variable)).trim()
    return file === '' ? {} : { [name]: file }
  }
  return { ...path('cert'), ...path('key'), ...path('ca') }
}

function readAll(files: Files): Texts {
  try {
    return Object.fromEntries(Object.entries(files).map(([name, file]) => [name, readFileSync(file)]))
  } catch {
    return {}
  }
}

function isUsable(options: ConnectionOptions): boolean {
  try {
    checkTls(options)
    return true
  } catch {
    return false
  }
}

function certificateOf(cert: ConnectionOptions['cert']): X509Certificate | undefined {
  const [first] = [cert ?? []].flat()
  try {
    return first === undefined ? undefined : new X509Certificate(first)
  } catch {
    return undefined
  }
}
