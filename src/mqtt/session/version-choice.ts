/**
 * Which version of MQTT the next connection speaks: 5 first; 3.1.1 when the broker refuses 5, or closes several times
 * without an answer, because an old broker may not know the packet.
 *
 * A broker that has spoken 5 to us knows it: then the silence was the network's, and with 3.1.1 the broker would set the
 * window (Mosquitto: 20). The network may have been at fault before the first answer as well, so 3.1.1 that was chosen
 * because of silence is a guess, and after it the next connection tries 5 once more.
 */
import type { BrokerSettings, ProtocolVersion } from '../connect/broker-settings'

const SILENT_REFUSALS = 3
/** How much a CONNECT counts that gets no answer at all: two are enough, each takes as long as a connection may take. */
const UNANSWERED = SILENT_REFUSALS / 2

export class VersionChoice {
  private version: ProtocolVersion
  private silentRefusals = 0
  private isGuess = false
  /** Hosts that have accepted us in MQTT 5. */
  private readonly speak5 = new Set<string>()

  constructor(private readonly protocol: BrokerSettings['protocol']) {
    this.version = protocol === '3.1.1' ? 4 : 5
  }

  get current(): ProtocolVersion {
    return this.version
  }

  accepted(host: string): void {
    if (this.version === 5) this.speak5.add(host)
  }

  /** @param code of the error with which a connection ended before the broker had accepted it */
  refused(code: string, host: string): void {
    if (this.protocol !== 'auto') return
    const silence = code === 'MQTT_CLOSED' ? 1 : code === 'MQTT_UNANSWERED' ? UNANSWERED : 0
    this.silentRefusals = silence > 0 && !this.speak5.has(host) ? this.silentRefusals + silence : 0
    if (code !== 'MQTT_VERSION' && this.silentRefusals < SILENT_REFUSALS) return
    this.silentRefusals = 0
    this.version = this.version === 5 ? 4 : 5
    this.isGuess = this.version === 4 && code !== 'MQTT_VERSION'
  }

  /** A connection that the broker had accepted is over: after a guess 5 is tried again, and one more silence ends that. */
  ended(): void {
    if (!this.isGuess) return
    this.isGuess = false
    this.version = 5
    this.silentRefusals = SILENT_REFUSALS - 1
  }
}
