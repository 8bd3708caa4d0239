import assert from 'node:assert/strict'
import { util } from '@node-red/util'
import { PipelineError } from '../../../src/wire/errors'
import { EventLog, type LogEntry } from '../../../src/log/event-log'
import { keptLog } from '../../support/events'

describe('EventLog', () => {
  it('writes an object at the level of the event, and leaves out what is not known', () => {
    const { log, entries } = keptLog()
    log.note('MQTT_EXPIRY', 'a sentence', { tenant: undefined })
    assert.deepEqual(entries, [{ level: 'warn', message: 'a sentence', code: 'MQTT_EXPIRY', node: 'test' }])
  })

  it('is a text in the console and in the debug sidebar, and has its fields for a logging handler', () => {
    const written: LogEntry[] = []
    const log = new EventLog({ id: 'n', error: (entry: LogEntry) => written.push(entry) })
    const message = 'Kafka at kafka-1:9092 cannot be reached, and so on for a long sentence'
    log.note('KAFKA_AWAY', message, { counts: { waiting: 5 } })
    const text = `${message} (KAFKA_AWAY)`
    assert.equal(String(written[0]), text)
    assert.deepEqual({ ...written[0] }, { message, code: 'KAFKA_AWAY', node: 'n', counts: { waiting: 5 } })
    assert.deepEqual(JSON.parse(JSON.stringify(written[0])), { ...written[0] })
    // What the sidebar gets.
    const { msg, format } = util.encodeObject({ msg: written[0] }) as unknown as Record<string, string>
    assert.deepEqual({ msg, format }, { msg: text, format: 'PipelineEvent' })
  })

  it('takes an event code from an error, and no other', () => {
    const { log, entries } = keptLog()
    for (const code of ['MQTT_SESSION_LOST', 'toString'])
      log.error(new PipelineError(code, 'a sentence', { retryable: true }))
    assert.deepEqual(
      entries.map(({ code, reason }) => [code, reason]),
      [
        ['MQTT_SESSION_LOST', 'MQTT_SESSION_LOST'],
        ['UNEXPECTED', 'toString'],
      ],
    )
  })

  it('survives a log handler that throws', () => {
    const log = new EventLog({
      id: 'n',
      warn: () => {
        throw new Error('no disk')
      },
    })
    log.note('MQTT_EXPIRY', 'a sentence')
  })
})
