import { KAFKA_DRIVERS } from '../../src/kafka/drivers/drivers'
import { driverContract } from '../support/driver-contract/contract'

const REFRESH_MS = 1_000

for (const [name, makeDriver] of Object.entries(KAFKA_DRIVERS)) {
  driverContract(name, (connection) => makeDriver(connection, () => undefined, REFRESH_MS))
}
