#!/usr/bin/env node
/** The program `tenant-pipeline`: finds the command, runs it, and says how it ended. Needs no Node-RED. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { PipelineError } from '../src/wire/errors'
import { readArguments, usage } from './arguments'
import { EXIT, type Exit } from './command'
import { confirmAtTerminal } from './confirm'
import { helpOf, overview, PROGRAM } from './help'
import { Outlet } from './outlet'
import { COMMANDS } from './registry'

/** What is still open after this does not keep the process. */
const EXIT_WITHIN_MS = 2_000
/** These say that what was given cannot be used; another attempt needs other arguments. */
const USAGE_CODES = ['USAGE', 'CONFIG_INVALID', 'FILTER_INVALID']

async function main(given: readonly string[], outlet: Outlet): Promise<Exit> {
  const [first = '', second = ''] = given
  if (first === '' || first === '--help' || first === '-h') {
    outlet.line(overview(COMMANDS))
    return first === '' ? EXIT.usage : EXIT.fine
  }
  if (first === '--version') {
    outlet.line(version())
    return EXIT.fine
  }
  const isGroup = Object.keys(COMMANDS).some((name) => name.startsWith(`${first} `))
  if (isGroup && (second === '' || second === '--help' || second === '-h')) {
    outlet.line(overview(COMMANDS, first))
    return second === '' ? EXIT.usage : EXIT.fine
  }
  const name = isGroup ? `${first} ${second}` : first
  const found = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (found === undefined) throw usage(`there is no such command; ${PROGRAM} --help lists them`)
  const { summary, load } = found
  const command = await load()
  const values = readArguments(command.options, given.slice(name.split(' ').length))
  if (values === undefined) {
    outlet.line(helpOf(name, summary, command))
    return EXIT.fine
  }
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort()).once('SIGTERM', () => stop.abort())
  const call = { outlet, environment: process.env, signal: stop.signal, confirm: confirmAtTerminal }
  return command.run(values as never, call)
}

function explain(thrown: unknown, outlet: Outlet): Exit {
  if (thrown instanceof PipelineError) {
    outlet.note(`${PROGRAM}: ${thrown.message} (${thrown.code})`)
    return USAGE_CODES.includes(thrown.code) ? EXIT.usage : EXIT.failed
  }
  // The text of a foreign error may hold anything.
  const kind = thrown instanceof Error ? thrown.constructor.name : typeof thrown
  const place = thrown instanceof Error ? /^ +at (.*)$/m.exec(String(thrown.stack))?.[1] : undefined
  outlet.note(
    `${PROGRAM}: this failed for an unforeseen reason: ${kind}${place === undefined ? '' : ` at ${place}`}`,
  )
  return EXIT.failed
}

function version(): string {
  const manifest = path.resolve(__dirname, '../../package.json')
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version
}

const outlet = new Outlet(process.stdout, process.stderr)
// The reader has had enough, as in `| head`.
process.stdout.on('error', () => process.exit(EXIT.fine))
main(process.argv.slice(2), outlet)
  .catch((thrown: unknown) => explain(thrown, outlet))
  .then((exit) => {
    process.exitCode = exit
    setTimeout(() => process.exit(), EXIT_WITHIN_MS).unref()
  })
  .catch(() => process.exit(EXIT.failed))
