import assert from 'node:assert/strict'
import { SourceStatus, type ShownSource } from '../../../src/mqtt/source-status'
import { PipelineError } from '../../../src/wire/errors'
import { shownInEnglish, verbatim } from '../../support/statuses'

const FINE: ShownSource = {
  state: { kind: 'connected', host: 'h:1' },
  arrived: 1240,
  out: 87,
  oldestMs: 900,
  deliveryTimeoutMs: 30_000,
  heldCount: 0,
  problem: undefined,
  doubt: undefined,
  queueForecast: undefined,
  windowFull: false,
  possibleLoss: undefined,
}
const error = (text: string): PipelineError =>
  new PipelineError('TEST', 'a sentence', { retryable: true, status: verbatim(text) })

describe('status of the MQTT source', () => {
  for (const [what, change, fill, text] of [
    ['what it does', {}, 'green', '1,240/s · 87 in flight'],
    ['how old a late message is', { oldestMs: 42_900 }, 'yellow', '1,240/s · 87 in flight · oldest 42 s'],
    ['it in minutes', { oldestMs: 400_000 }, 'yellow', '1,240/s · 87 in flight · oldest 6 min'],
    [
      "when the broker's queue is full",
      { state: { kind: 'resting' }, queueForecast: { kind: 'filling', secondsLeft: 95.4 } },
      'yellow',
      "waiting for the flow · 87 in flight · broker's queue full in 95 s",
    ],
    [
      'that it is paused, and how long that may last',
      { state: { kind: 'paused' }, queueForecast: { kind: 'filling', secondsLeft: 95.4 } },
      'yellow',
      "paused · 87 in flight · broker's queue full in 95 s",
    ],
    [
      'that messages may be lost now',
      { state: { kind: 'resting' }, queueForecast: { kind: 'full', sinceMs: 0 } },
      'red',
      "possible loss: the broker's queue is full",
    ],
    [
      'what has led to the loss, and the cure',
      {
        state: { kind: 'resting' },
        queueForecast: { kind: 'full', sinceMs: 0 },
        heldCount: 2,
        problem: error('topic not matched · wire the second output'),
      },
      'red',
      'possible loss · 2 failed and held: topic not matched · wire the second output',
    ],
    [
      "that the broker's queue fills while it is connected",
      { queueForecast: { kind: 'filling', secondsLeft: 3 } },
      'yellow',
      "1,240/s · 87 in flight · broker's queue full in 3 s",
    ],
    ['that nothing moves', { windowFull: true, arrived: 0 }, 'yellow', '0/s · 87 in flight'],
    ['a full window in which all moves', { windowFull: true }, 'green', '1,240/s · 87 in flight'],
    [
      'that messages may have been lost',
      { possibleLoss: error('possible loss: broker dropped 500 since 16:31:20') },
      'yellow',
      '1,240/s · 87 in flight · possible loss: broker dropped 500 since 16:31:20',
    ],
    ['what is held', { heldCount: 3, problem: error('no') }, 'red', '3 failed and held: no'],
    [
      'what is held while it rests because of that',
      { state: { kind: 'resting' }, heldCount: 600, problem: error('topic does not match') },
      'red',
      '600 failed and held: topic does not match',
    ],
    [
      'what waits until its subscription is known',
      { state: { kind: 'resting' }, doubt: error('messages outside of the topic filter') },
      'red',
      'waiting: messages outside of the topic filter',
    ],
    [
      'why it rests',
      { state: { kind: 'resting' }, problem: error('Kafka: not reachable') },
      'yellow',
      'waiting for the flow · 87 in flight · Kafka: not reachable',
    ],
    [
      'why it is not connected',
      { state: { kind: 'waiting', error: error('MQTT: not reachable'), delayMs: 1 } },
      'red',
      'MQTT: not reachable',
    ],
  ] as const satisfies [string, Partial<ShownSource>, string, string][]) {
    it(`tells ${what}`, () => {
      const status = shownInEnglish(new SourceStatus(0).of({ ...FINE, ...change }, 1000))
      assert.deepEqual([status.fill, status.text], [fill, text])
    })
  }

  it('stays red while it tries again', () => {
    const status = new SourceStatus(0)
    const connecting = { ...FINE, state: { kind: 'connecting', host: 'h:1' } } as const
    assert.equal(status.of(connecting, 1).fill, 'yellow')
    status.of({ ...FINE, state: { kind: 'waiting', error: error('MQTT: not reachable'), delayMs: 1 } }, 1)
    assert.deepEqual(shownInEnglish(status.of(connecting, 1)), {
      fill: 'red',
      shape: 'ring',
      text: 'MQTT: not reachable',
    })
    status.of({ ...FINE, state: { kind: 'connected', host: 'h:1' } }, 1)
    assert.equal(status.of(connecting, 1).fill, 'yellow')
  })
})
