/**
 * What every `KafkaDriver` must do, tried out on real brokers. A new driver is finished when it passes: one file
 * like `test/integration/kafka-driver.contract.test.ts` runs the suite for it.
 */
import { adminContract } from './admin'
import { connectionContract } from './connection'
import { consumerContract } from './consumer'
import { idempotenceContract } from './idempotence'
import { permissionContract } from './permissions'
import { refusalContract } from './refusals'
import { replicationContract } from './replication'
import { scaleContract } from './scale'
import { ContractStage, type MakeDriver } from './stage'
import { writingContract } from './writing'

export function driverContract(name: string, makeDriver: MakeDriver): void {
  describe(`the Kafka driver ${name}`, function () {
    this.timeout(120_000)
    let stage: ContractStage
    const current = (): ContractStage => stage

    before(async () => {
      stage = await ContractStage.open(makeDriver)
    })
    afterEach(() => stage.cleanUp())

    describe('a producer', () => writingContract(current))
    describe('a producer that is refused', () => refusalContract(current))
    describe('a producer whose connection', () => connectionContract(current))
    describe('an idempotent producer', () => idempotenceContract(current))
    describe('a producer among many', () => scaleContract(current))
    describe('an admin', () => adminContract(current))
    describe('a consumer', () => consumerContract(current))
    describe('a consumer that lacks a permission', () => permissionContract(current))
    describe('three brokers', () => replicationContract(current))
  })
}
