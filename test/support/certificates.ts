/**
 * Certificates for tests, issued by `openssl` when a test asks for them: an authority of our own, and what it issues.
 * Nothing that is committed can expire, and no key protects anything.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
const VALID_DAYS = '30'
const EXPIRED_YESTERDAY = '-1'

export interface KeyPair {
  /** PEM. */
  readonly cert: string
  readonly key: string
  readonly certFile: string
  readonly keyFile: string
  /** Key and certificate in one file, as Kafka reads them. */
  readonly bothFile: string
}

export interface Subject {
  readonly name: string
  /** The addresses that the certificate is good for; the default is the loopback address. */
  readonly hosts?: readonly string[]
  readonly expired?: boolean
}

export class TestAuthority {
  private readonly folder = mkdtempSync(path.join(os.tmpdir(), 'tenant-pipeline-certificates-'))
  private readonly self: KeyPair

  /** @throws Error when there is no `openssl` on the PATH */
  constructor(name = 'authority of the tests') {
    const [key, cert] = [this.file('authority.key'), this.file('authority.crt')]
    const subject = ['-subj', `/CN=${name}`, '-days', VALID_DAYS]
    openssl(['req', '-x509', ...NEW_KEY, '-keyout', key, '-out', cert, ...subject])
    this.self = this.pair('authority')
  }

  /** What a client that trusts this authority needs, as PEM and as a file. */
  get cert(): string {
    return this.self.cert
  }

  get certFile(): string {
    return this.self.certFile
  }

  issue({ name, hosts = ['127.0.0.1'], expired = false }: Subject): KeyPair {
    const file = name.replaceAll(/[^A-Za-z0-9-]/g, '-')
    const [key, request, extensions] = ['key', 'csr', 'ext'].map((end) => this.file(`${file}.${end}`)) as [
      string,
      string,
      string,
    ]
    const names = hosts.map((host) => (/^[\d.]+$/.test(host) ? `IP:${host}` : `DNS:${host}`))
    writeFileSync(extensions, `subjectAltName=${names.join(',')}\n`)
    openssl(['req', ...NEW_KEY, '-keyout', key, '-out', request, '-subj', `/CN=${name}`])
    openssl([
      ...['x509', '-req', '-in', request, '-out', this.file(`${file}.crt`), '-extfile', extensions],
      ...['-CA', this.self.certFile, '-CAkey', this.self.keyFile, '-CAcreateserial'],
      ...['-days', expired ? EXPIRED_YESTERDAY : VALID_DAYS],
    ])
    return this.pair(file)
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  private pair(file: string): KeyPair {
    const [certFile, keyFile, bothFile] = ['crt', 'key', 'pem'].map((end) => this.file(`${file}.${end}`)) as [
      string,
      string,
      string,
    ]
    const [cert, key] = [readFileSync(certFile, 'utf8'), readFileSync(keyFile, 'utf8')]
    writeFileSync(bothFile, key + cert)
    return { cert, key, certFile, keyFile, bothFile }
  }

  private file(name: string): string {
    return path.join(this.folder, name)
  }
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' })
}
