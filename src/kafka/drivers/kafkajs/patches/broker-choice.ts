/**
 * Which broker a client of kafkajs 2.2.4 asks. For the metadata, kafkajs stays with a broker that is connected, also when
 * that is one that is frozen; and when the last answer has named one broker alone, because the others were down, it knows
 * no other for minutes.
 *
 * Here it is a broker that answers, when one is known; else each in turn that is not silent; else those of the list that
 * the client began with, as Kafka's own client does (KIP-899). A broker that is no longer in the answer is left at once:
 * kafkajs waits until it has answered all that it was asked, and every request for the metadata waits as well.
 */

/** What a client knows of its brokers, each named by its `host:port`. */
export interface KnownBrokers {
  /** Whether it is avoided. */
  readonly isSilent: (broker: string) => boolean
  /** Whether it has answered on a connection that is still open. */
  readonly isAnswering: (broker: string) => boolean
  /** How many brokers the list has that the client begins with. */
  readonly seeds: number
  /** Cuts the connections to it, or all of them: what is outstanding fails, and the next request reconnects. */
  cut(broker?: string): void
}

export interface ChosenBroker {
  readonly connectionPool: { readonly host: string; readonly port: number }
  disconnect(): Promise<void>
}

/** What is used of kafkajs' own. */
export interface BrokerPool<B extends ChosenBroker> {
  /** By node id. */
  readonly brokers: Readonly<Record<string, B>>
  /** One of the list that the client began with; it may be one of `brokers` as well. */
  readonly seedBroker: B | undefined
  /** Takes another one of the list. */
  createSeedBroker(): Promise<void>
  createBroker(options: unknown): B
  connectBroker(broker: B): Promise<void>
  findBroker(node: { nodeId: string }): Promise<B>
  findConnectedBroker(): Promise<B>
  /** The first answer of a broker that does not fail; `null`: all of them have. */
  withBroker<T>(ask: (asked: { nodeId: string; broker: B }) => Promise<T>): Promise<T | null>
}

/** Changes this pool alone. */
export function chooseAnsweringBrokers<B extends ChosenBroker>(
  pool: BrokerPool<B>,
  client: KnownBrokers,
): void {
  const createBroker = pool.createBroker.bind(pool)
  pool.createBroker = (options) => {
    const broker = createBroker(options)
    const disconnect = broker.disconnect.bind(broker)
    broker.disconnect = () => {
      client.cut(addressOf(broker))
      return disconnect()
    }
    return broker
  }

  let turn = 0
  const knownBrokers = (): readonly string[] => {
    const idsOf = (suits: (address: string) => boolean): string[] =>
      Object.keys(pool.brokers).filter((id) => suits(addressOf(pool.brokers[id] as B)))
    const answering = idsOf(client.isAnswering)
    if (answering.length > 0) return startingAt(Math.floor(Math.random() * answering.length), answering)
    return startingAt(
      turn++,
      idsOf((address) => !client.isSilent(address)),
    )
  }

  const connectSeed = async (): Promise<B> => {
    for (let attempt = 1; ; attempt++) {
      const { seedBroker } = pool
      const wantsAnother = seedBroker === undefined || client.isSilent(addressOf(seedBroker)) || attempt > 1
      if (wantsAnother) await pool.createSeedBroker()
      const chosen = pool.seedBroker as B
      try {
        await pool.connectBroker(chosen)
        return chosen
      } catch (error) {
        if (attempt >= client.seeds) throw error
      }
    }
  }
  // Taking another seed cuts the one before, which another request may be using: so all of them share one.
  let connecting: Promise<B> | undefined
  const connectedSeed = (): Promise<B> =>
    (connecting ??= connectSeed().finally(() => (connecting = undefined)))

  pool.findConnectedBroker = async () => {
    for (const nodeId of knownBrokers()) {
      try {
        return await pool.findBroker({ nodeId })
      } catch {
        // Not reachable: the next one.
      }
    }
    return connectedSeed()
  }
}

/**
 * When no broker says where a group's coordinator is, kafkajs throws an error of its own, which says that it was not
 * found. Here it is what a broker has answered, if another attempt gets the same answer: that the group is not allowed.
 */
export function tellRefusals<B extends ChosenBroker>(pool: BrokerPool<B>): void {
  const withBroker = pool.withBroker.bind(pool)
  pool.withBroker = async (ask) => {
    let refusal: unknown
    const answer = await withBroker(async (asked) => {
      try {
        return await ask(asked)
      } catch (error) {
        const { type, retriable } = error as { readonly type?: unknown; readonly retriable?: unknown }
        if (type !== undefined && retriable === false) refusal = error
        throw error
      }
    })
    if (answer === null && refusal !== undefined) throw refusal as Error
    return answer
  }
}

function addressOf({ connectionPool: { host, port } }: ChosenBroker): string {
  return `${host}:${port}`
}

function startingAt<T>(start: number, list: readonly T[]): T[] {
  const index = start % Math.max(1, list.length)
  return [...list.slice(index), ...list.slice(0, index)]
}
