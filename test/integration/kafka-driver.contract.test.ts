import { KafkaJsDriver } from '../../src/kafka/drivers/kafkajs/driver'
import { driverContract } from '../support/driver-contract/contract'

const REFRESH_MS = 1_000

driverContract('kafkajs', (connection) => new KafkaJsDriver(connection, () => undefined, REFRESH_MS))
