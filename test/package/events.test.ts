/** What is logged has a code, and each code stands in docs/events.md. */
import assert from 'node:assert/strict'
import path from 'node:path'
import { EVENTS, type EventKind } from '../../src/log/events'
import { filesIn, readText } from '../support/package'

/** The one file that may write to the log. */
const LOGGER = 'src/log/event-log.ts'
const COMMENTS = /\/\*[^]*?\*\/|\/\/.*/g
/** `node.warn(…)`, `this.error(…)`, `RED.log.info(…)`, `console.log(…)` and the like. */
const LOGGING = /\b(node|this|log|RED|console|host|self)\.(log|warn|error|info|debug|trace|fatal)\(/g
/** Of an EventLog, which asks for a code itself. */
const CODED = /\blog\.error\($/

const rows = Object.entries<EventKind>(EVENTS).map(
  ([code, { level, meaning, action }]) => `| \`${code}\` | ${level} | ${meaning} | ${action || '—'} |`,
)

describe('events', () => {
  it('all stand in docs/events.md, in the words of the table', () => {
    const documented = readText('docs/events.md')
      .split('\n')
      .filter((line) => /^\| `[A-Z_]+`/.test(line))
    assert.deepEqual(documented, rows)
  })

  const sources = ['src', 'nodes', 'plugins'].flatMap(filesIn).filter((file) => file.endsWith('.ts'))

  it('are the only way to the log', () => {
    const others = sources
      .filter((file) => file !== LOGGER)
      .flatMap((file) => {
        const found = readText(file).replaceAll(COMMENTS, '').match(LOGGING) ?? []
        return found.filter((call) => !CODED.test(call)).map((call) => `${file}: ${call}`)
      })
    assert.deepEqual(others, [])
  })

  it('each have a test in which a real node, or what it is made of, meets a real service and logs it', () => {
    const tests = ['test/nodes', 'test/flow', 'test/integration', 'test/faults']
      .flatMap(filesIn)
      .filter((file) => file.endsWith('.ts'))
      .map(readText)
      .join('\n')
    assert.deepEqual(
      Object.keys(EVENTS).filter((code) => !tests.includes(`'${code}'`)),
      [],
    )
  })

  it('all occur somewhere', () => {
    const code = sources
      .filter((file) => path.basename(file) !== 'events.ts')
      .map(readText)
      .join('\n')
    assert.deepEqual(
      Object.keys(EVENTS).filter((name) => !code.includes(`'${name}'`)),
      [],
    )
  })
})
