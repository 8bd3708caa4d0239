/**
 * The Kafka clients that this package can run on. Each is a folder beside this file that implements `../driver.ts`; a
 * new one needs a line here and nothing else, and the contract suite runs every one of them.
 */
import type { KafkaConnection } from '../connection'
import type { KafkaDriver } from '../driver'
import { KafkaJsDriver } from './kafkajs/driver'

/**
 * @param log       hears what the client itself has to say
 * @param refreshMs how often consumers look for new topics and partitions; a default when it is left out
 */
export type MakeKafkaDriver = (
  connection: KafkaConnection,
  log: (text: string) => void,
  refreshMs?: number,
) => KafkaDriver

export const KAFKA_DRIVERS = {
  kafkajs: (...made) => new KafkaJsDriver(...made),
} as const satisfies Readonly<Record<string, MakeKafkaDriver>>
