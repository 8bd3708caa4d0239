/** What a peer of the first leg needs to know. */
export interface BridgePlan {
  readonly mqtt: string
  readonly clientId: string
  /** What it subscribes to. */
  readonly filter: string
  /** The Kafka topic that it writes to. */
  readonly topic: string
}
