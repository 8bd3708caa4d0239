import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { EventLog } from '../../../src/log/event-log'
import { jsonLine, type LoggedMessage } from '../../../src/log/json-log'

const read = (logged: Partial<LoggedMessage>): unknown =>
  JSON.parse(jsonLine({ level: 40, timestamp: Date.UTC(2026, 10, 20), ...logged }))
const head = { time: '2026-11-20T00:00:00.000Z', level: 'info' }

describe('the log as JSON', () => {
  it('has the fields of an event, and those of its node', () => {
    let entry: unknown
    const node = { id: 'n1', error: (given: unknown) => (entry = given) }
    new EventLog(node).note('KAFKA_AWAY', 'Kafka is away', {
      reason: 'KAFKA_UNREACHABLE',
      counts: { waiting: 3 },
    })
    const line = read({
      level: 20,
      msg: entry,
      type: 'tenant-kafka-producer',
      id: 'n1',
      name: 'to Kafka',
      z: 'tab',
    })
    assert.deepEqual(line, {
      ...head,
      level: 'error',
      message: 'Kafka is away',
      code: 'KAFKA_AWAY',
      reason: 'KAFKA_UNREACHABLE',
      counts: { waiting: 3 },
      node: 'n1',
      type: 'tenant-kafka-producer',
      name: 'to Kafka',
      tab: 'tab',
    })
  })

  it('has the text of what others log', () => {
    assert.deepEqual(read({ msg: 'Started flows' }), { ...head, message: 'Started flows' })
    assert.deepEqual(read({ msg: 'two\nlines' }), { ...head, message: 'two\nlines' })
    const error = Object.assign(new Error('no'), { code: 'ENOENT', stack: 'at x' })
    assert.deepEqual(read({ level: 20, msg: error }), {
      ...head,
      level: 'error',
      message: 'no',
      code: 'ENOENT',
      stack: 'at x',
    })
  })

  it('has the fields of an audit and of a metric', () => {
    const line = read({ level: 98, event: 'flows.set', user: 'admin' })
    assert.deepEqual(line, { ...head, level: 'audit', event: 'flows.set', user: 'admin' })
  })

  it('is one line of JSON, whatever is logged', () => {
    const circle: Record<string, unknown> = { message: 'in a circle' }
    circle['counts'] = circle
    const throwing = {
      get message() {
        throw new Error('no')
      },
    }
    for (const msg of [circle, throwing, 10n, null, undefined, [1], Symbol('s'), () => 1, { a: 1 }]) {
      const line = jsonLine({ level: 40, timestamp: 0, msg })
      assert.equal(line.split('\n').length, 1)
      JSON.parse(line)
    }
  })

  it('is a handler that Node-RED takes, from the package by its name', () => {
    const { jsonLog } = createRequire(__filename)('@iot-bridge/node-red-tenant-pipeline/json-log') as {
      jsonLog: (settings: object) => (logged: LoggedMessage) => void
    }
    assert.equal(typeof jsonLog({ level: 'info' }), 'function')
  })
})
