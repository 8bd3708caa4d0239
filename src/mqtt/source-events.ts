/** What the log says of an MQTT source. */
import { RedeliveryEvents, type Redelivering } from '../delivery/redelivery-events'
import { CountLog } from '../log/count-log'
import type { EventLog } from '../log/event-log'
import { OutageLog } from '../log/outage-log'
import type { SourceState } from './source'

/** Reasons for being away that need a change of the configuration: they are events of their own. */
const OWN_EVENTS = ['MQTT_TAKEN_OVER', 'MQTT_FILTER_UNAVAILABLE'] as const

export class SourceEvents {
  private readonly connection: OutageLog
  private readonly redelivery: RedeliveryEvents
  private readonly resting: CountLog
  private before: SourceState | undefined

  constructor(
    private readonly log: EventLog,
    now?: () => number,
  ) {
    this.connection = new OutageLog(log, {
      away: 'MQTT_AWAY',
      back: 'MQTT_BACK',
      backText: 'connected to the MQTT broker again',
      first: ['MQTT_CONNECTED', 'connected to the MQTT broker, and subscribed'],
    })
    this.redelivery = new RedeliveryEvents(log, now)
    this.resting = new CountLog(log, {
      code: 'MQTT_RESTING',
      text: () =>
        'the window was full for too long, so the source has left the MQTT broker until the flow catches up',
    })
  }

  /** Call it after each change, and now and then. */
  observe(source: Redelivering & { readonly state: SourceState }): void {
    const { state } = source
    if (state !== this.before) this.enter(state)
    this.before = state
    this.redelivery.observe(source)
  }

  noteFiltered(count: number): void {
    this.redelivery.noteFiltered(count)
  }

  close(): void {
    this.connection.close()
    this.redelivery.close()
    this.resting.close()
  }

  private enter(state: SourceState): void {
    switch (state.kind) {
      case 'connected':
        this.connection.report(undefined)
        break
      case 'waiting':
        this.connection.report(state.error, {
          code: OWN_EVENTS.find((code) => code === state.error.code) ?? 'MQTT_AWAY',
        })
        break
      case 'resting':
        this.resting.add(1)
        break
      case 'clientIdTaken':
        this.log.note(
          'MQTT_CLIENT_ID_TAKEN',
          `node ${state.byNode} uses the same MQTT client ID; this node waits. Give each source its own`,
        )
        break
      case 'idle':
      case 'closed':
      case 'unwired':
      case 'paused':
      case 'connecting':
        break
    }
  }
}
