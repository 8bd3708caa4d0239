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

  // As a source has them: getters, which a rest pattern does not copy.
  class Failing {
    readonly state = { kind: 'connected', host: 'h:1' } as const
    error: PipelineError | undefined = new PipelineError('KAFKA_AWAY', 'a sentence', { retryable: true })
    held = 0
    get failing(): PipelineError | undefined {
      return this.error
    }
    get heldCount(): number {
      return this.held
    }
    get out(): number {
      return 1
    }
  }

  it('logs that messages are sent again, that some are held, and that it is over', () => {
    const { log, entries } = keptLog()
    let nowMs = 0
    const events = new SourceEvents(log, () => nowMs)
    const source = new Failing()
    events.observe(source)
    source.held = 1
    events.observe(source)
    source.error = undefined
    source.held = 0
    events.observe(source)
    nowMs += 61_000
    events.observe(source)
    events.close()
    const expected = ['MQTT_CONNECTED', 'REDELIVERY', 'MESSAGES_HELD', 'REDELIVERY_OVER']
    assert.deepEqual(
      entries.map(({ code }) => code),
      expected,
    )
  })
})
