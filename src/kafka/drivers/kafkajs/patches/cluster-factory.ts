/** Where a client of kafkajs 2.2.4 makes the object that knows its brokers, for each producer, consumer and admin. */
import type { Kafka } from 'kafkajs'

const CREATE_CLUSTER = 'private:Kafka:createCluster'

export interface ClusterFactory<C> {
  /** May be replaced. */
  create: (options: unknown) => C
}

/** @returns `undefined` for a client that does not look as we know it */
export function clusterFactory<C>(kafka: Kafka): ClusterFactory<C> | undefined {
  const name = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === CREATE_CLUSTER)
  if (name === undefined) return undefined
  const factory = kafka as unknown as Record<symbol, ClusterFactory<C>['create']>
  return {
    get create() {
      return factory[name] as ClusterFactory<C>['create']
    },
    set create(replacement) {
      factory[name] = replacement
    },
  }
}
