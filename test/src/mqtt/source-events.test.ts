import assert from 'node:assert/strict'
import { SourceEvents } from '../../../src/mqtt/source-events'
import { PipelineError } from '../../../src/wire/errors'
import { keptLog } from '../../support/events'

describe('events of the MQTT source', () => {
  for (const [reason, event] of [
    ['MQTT_UNREACHABLE', 'MQTT_AWAY'],
    ['MQTT_TAKEN_OVER', 'MQTT_TAKEN_OVER'],
    ['MQTT_FILTER_UNAVAILABLE', 'MQTT_FILTER_UNAVAILABLE'],
  ] as const) {
    it(`logs ${event} when it is away because of ${reason}`, () => {
      const { log, entries } = keptLog()
      const events = new SourceEvents(log)
      const error = new PipelineError(reason, 'a sentence', { retryable: true })
      events.observe({
        state: { kind: 'waiting', error, delayMs: 1 },
        failing: undefined,
        heldCount: 0,
        out: 0,
      })
      events.close()
      assert.deepEqual(
        entries.map(({ code }) => code),
        [event],
      )
    })
  }
})
