import assert from 'node:assert/strict'
import { PipelineError } from '../../../src/wire/errors'
import { EventLog } from '../../../src/log/event-log'
import { keptLog } from '../../support/events'

describe('EventLog', () => {
  it('writes an object at the level of the event, and leaves out what is not known', () => {
    const { log, entries } = keptLog()
    log.note('MQTT_EXPIRY', 'a sentence', { tenant: undefined })
    assert.deepEqual(entries, [{ level: 'warn', message: 'a sentence', code: 'MQTT_EXPIRY', node: 'test' }])
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
