/**
 * The services that all test files share. Each is started when the first file asks for it, and stopped after the last,
 * by the process that runs mocha. The files run in workers of it (`mocha --parallel`), or in a mocha that a test has
 * started; they ask for addresses over HTTP. Loaded by `.mocharc.json`.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startKafka } from '../../dev/services/kafka'
import { startPostgres } from '../../dev/services/postgres'
import type { Service } from '../../dev/services/service'

const STARTERS = { kafka: () => startKafka(), postgres: () => startPostgres() }
type Name = keyof typeof STARTERS

/** Where the process that has the services listens; workers and child processes inherit it. */
const ENVIRONMENT = 'TEST_SERVICES'

const started = new Map<Name, Promise<Service>>()
let server: Server | undefined

/** @returns the address of a service that is shared with all other files */
export async function sharedService(name: Name): Promise<string> {
  const url = process.env[ENVIRONMENT]
  if (url === undefined)
    throw new Error('the tests run in mocha with .mocharc.json, which has the shared services')
  const response = await fetch(`${url}/${name}`)
  const answer = await response.text()
  if (!response.ok) throw new Error(answer)
  return answer
}

export async function mochaGlobalSetup(): Promise<void> {
  if (process.env[ENVIRONMENT] !== undefined) return
  server = createServer((request, response) => {
    const name = request.url?.slice(1) as Name
    serviceOf(name).then(
      ({ address }) => response.end(address),
      (error: Error) => response.writeHead(500).end(error.message),
    )
  })
  // A first start may fetch Kafka's jars.
  server.requestTimeout = 0
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  process.env[ENVIRONMENT] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export async function mochaGlobalTeardown(): Promise<void> {
  server?.close()
  server?.closeAllConnections()
  for (const service of started.values()) {
    const running = await service.catch(() => undefined)
    await running?.stop()
  }
}

function serviceOf(name: Name): Promise<Service> {
  const service = started.get(name) ?? STARTERS[name]()
  started.set(name, service)
  return service
}

const releases: (() => Promise<void>)[] = []

/** What a file has opened and other files that run in this process may use: closed after the file, or after the last. */
export function atEnd(release: () => Promise<void>): void {
  releases.push(release)
}

/** In a worker mocha runs it after each file, otherwise after the last. */
export const mochaHooks = {
  afterAll: async (): Promise<void> => {
    for (const release of releases.splice(0).reverse()) await release()
  },
}
