/** A consumer whose user may not do all that it asks: that is named, and what is allowed is read. */
import assert from 'node:assert/strict'
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  ResourcePatternTypes,
  type AclEntry,
} from 'kafkajs'
import { createTestTopic, uniqueName, withAdmin } from '../kafka'
import { committedOffset, numbered, produce } from '../kafka-consumers'
import { passwordLogin, PASSWORD, STRANGER } from '../secured-kafka'
import { until } from '../until'
import type { ContractStage } from './stage'

export function permissionContract(stage: () => ContractStage): void {
  const permission = (
    resourceType: AclResourceTypes,
    resourceName: string,
    operation: AclOperationTypes,
    permissionType = AclPermissionTypes.ALLOW,
  ): AclEntry => ({
    resourceType,
    resourceName,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal: `User:${STRANGER}`,
    host: '*',
    operation,
    permissionType,
  })
  const set = (...acl: AclEntry[]): Promise<boolean> =>
    withAdmin(stage().brokers, (admin) => admin.createAcls({ acl }))

  it('names a group that the user may not use, before it has ever joined, and reads as soon as it may', async () => {
    const { brokers } = stage()
    const topic = await createTestTopic(brokers)
    const groupId = uniqueName('group')
    await set(permission(AclResourceTypes.TOPIC, topic, AclOperationTypes.READ))
    await produce(brokers, topic, numbered(5, 'a'))
    const { brokers: addresses, sasl } = stage().kafka.connect(
      'LOGIN',
      passwordLogin('plain', PASSWORD, STRANGER),
    )
    const driver = stage().driver({ brokers: addresses, sasl, requestTimeoutMs: 10_000 })
    const it = stage().consumer({ groupId, topics: [topic] }, undefined, driver)
    await until('it says what is wrong', () => it.states.length > 0)
    await set(permission(AclResourceTypes.GROUP, groupId, AclOperationTypes.READ))
    await until('it reads', () => it.count === 5)
    const codes = it.states.map((problem) => problem?.code)
    assert.equal(codes[0], 'KAFKA_FORBIDDEN')
    assert.ok(!codes.includes('KAFKA_FAILED'), codes.join())
  })

  it('reads the other topics when one may be seen and not read, names it, and reads it as soon as it may', async () => {
    const { brokers } = stage()
    const [sound, closed] = [
      await createTestTopic(brokers, { partitions: 2 }),
      await createTestTopic(brokers, { partitions: 2 }),
    ]
    const groupId = uniqueName('group')
    const readClosed = permission(AclResourceTypes.TOPIC, closed, AclOperationTypes.READ)
    await set(
      permission(AclResourceTypes.GROUP, groupId, AclOperationTypes.READ),
      permission(AclResourceTypes.TOPIC, sound, AclOperationTypes.READ),
      permission(AclResourceTypes.TOPIC, closed, AclOperationTypes.DESCRIBE),
    )
    const write = async (topic: string, prefix: string): Promise<void> => {
      for (const partition of [0, 1]) await produce(brokers, topic, numbered(5, prefix), partition)
    }
    const { brokers: addresses, sasl } = stage().kafka.connect(
      'LOGIN',
      passwordLogin('plain', PASSWORD, STRANGER),
    )
    const driver = stage().driver({ brokers: addresses, sasl, requestTimeoutMs: 10_000 })
    const it = stage().consumer({ groupId, topics: [sound, closed] }, undefined, driver)
    const countOf = (topic: string): number =>
      it.batches.filter((batch) => batch.topic === topic).reduce((sum, each) => sum + each.records.length, 0)
    const namesIt = (): boolean => {
      const said = it.impairments.at(-1)
      return (
        said?.code === 'KAFKA_FORBIDDEN' &&
        [0, 1].every((at) => said.message.includes(`${closed} partition ${at}`))
      )
    }

    await write(closed, 'a')
    await write(sound, 'a')
    await until('the other is read', () => countOf(sound) === 10)
    await until('it is named', namesIt)
    const statesBefore = it.states.length
    await write(sound, 'b')
    await until('the other is still read', () => countOf(sound) === 20)
    for (const partition of [0, 1]) {
      const committed = { group: groupId, topic: sound, partition }
      await until('what is read is committed', async () => (await committedOffset(brokers, committed)) === 10)
    }
    assert.equal(countOf(closed), 0)

    await set(readClosed)
    await until('it is read', () => countOf(closed) === 10)
    await until('nothing is named', () => it.impairments.at(-1) === undefined)

    const deny = permission(AclResourceTypes.TOPIC, closed, AclOperationTypes.READ, AclPermissionTypes.DENY)
    await set(deny)
    await until('it is named again', namesIt)
    await write(closed, 'b')
    await write(sound, 'c')
    await until('the other continues', () => countOf(sound) === 30)
    await withAdmin(brokers, (admin) => admin.deleteAcls({ filters: [deny] }))
    await until('it is read again', () => countOf(closed) === 20)
    await until('nothing is named', () => it.impairments.at(-1) === undefined)
    assert.deepEqual([it.joins, it.states.slice(statesBefore)], [1, []])
    assert.equal(
      new Set(
        it.batches.flatMap(({ topic, partition, records }) =>
          records.map(({ offset }) => `${topic}/${partition}:${offset}`),
        ),
      ).size,
      it.count,
    )
  })
}
