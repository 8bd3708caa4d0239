/**
 * The ledger: the table that holds, for every sink and every partition it reads, the next offset that the sink
 * still needs. It moves in the transaction that writes the rows, and only from the value that was read, so that
 * each Kafka position is written exactly once, also when two owners of a partition write at the same time.
 *
 * The way of a position: `plan` reads it and says what of a range is due, `position-move.ts` moves it in the transaction
 * of the rows, `confirm` remembers it, or `doubt` has it read again.
 */
import type { ClientBase } from 'pg'
import { PipelineError } from '../../wire/errors'
import type { KafkaRange } from '../../wire/message'
import type { Database } from '../connect/database'
import type { TableName } from '../connect/identifiers'
import { lockDefinitions } from '../connect/server-statements'
import { ConsumerPositions } from './consumer-positions'
import { DeployedSinks } from './deployed-sinks'
import { adoptPosition, readPosition, type StoredPosition } from './ledger-statements'
import { LedgerTable } from './ledger-table'
import { PartitionMemory } from './partition-memory'
import type { LedgerKey } from './position'
import { LedgerRewound, planRange, RangeSuperseded, type RangePlan } from './range-plan'

export class Ledger {
  readonly sinks = new DeployedSinks()
  readonly memory = new PartitionMemory()
  /** The consumers' side of it. */
  readonly consumers: ConsumerPositions
  private readonly ledgerTable: LedgerTable

  /** @param create create the table when it is missing */
  constructor(
    private readonly database: Database,
    readonly table: TableName,
    readonly create: boolean,
  ) {
    this.ledgerTable = new LedgerTable(database, table, create)
    this.consumers = new ConsumerPositions(database, this.ledgerTable, this.memory, this.sinks)
  }

  /** See `LedgerTable.prepare`. @throws DatabaseError */
  prepare(): Promise<void> {
    return this.ledgerTable.prepare()
  }

  /** The table may have been dropped: the next `prepare` looks for it again. */
  forget(): void {
    this.ledgerTable.exists = false
  }

  /**
   * What of a range is due, and the position that this was decided by.
   * @throws RangeSuperseded when the consumer has begun the partition again since
   * @throws LedgerRewound when offsets between the position and the range may have been rows, and are gone
   * @throws PipelineError `LEDGER_TARGET` when the name is that of a sink with another table
   */
  async plan(
    key: LedgerKey,
    range: KafkaRange,
  ): Promise<RangePlan & { readonly position: number | undefined }> {
    const position = this.knows(key, range) ? this.memory.latest(key) : await this.read(key)
    this.assertFollows(key, position, range)
    const plan = planRange(position, range)
    // From now on a smaller one means that commits were lost.
    if (plan.write === 'nothing' && position !== undefined) this.memory.confirm(key, position)
    return { ...plan, position }
  }

  /** Whether a plan for the range needs no query: all of it is due, unless the consumer has begun the partition again. */
  knows(key: LedgerKey, { firstOffset }: KafkaRange): boolean {
    return (this.memory.latest(key) ?? Infinity) <= firstOffset
  }

  /** The sink's position; one that it has under a former name is given the new one first. */
  private async read(key: LedgerKey): Promise<number | undefined> {
    const { database, table } = this
    const ask = (): Promise<StoredPosition[]> =>
      database.withClient('reading the ledger', (client) => readPosition(client, table, key), key.topic)
    let rows = await ask()
    const own = rows.find(({ sink }) => sink === key.sink)
    if (key.target !== undefined && (own?.target ?? key.target) !== key.target)
      throw otherTarget(key, own?.target ?? '')
    if (rows.some(({ sink }) => sink !== key.sink)) {
      const adopt = async (client: ClientBase): Promise<void> => {
        await lockDefinitions(client)
        await adoptPosition(client, table, key)
      }
      await database.transaction('giving a position in the ledger its new name', adopt, key.topic)
      rows = await ask()
    }
    return rows[0]?.nextOffset
  }

  /** After the position was read, so that a consumer that begins again meanwhile is noticed here, or by the position. */
  private assertFollows(key: LedgerKey, position: number | undefined, range: KafkaRange): void {
    const { firstOffset, assignment } = range
    if (assignment !== undefined && !this.memory.noteAssignment(key, assignment))
      throw new RangeSuperseded(key, range)
    const confirmed = this.memory.confirmed(key)
    const from = position ?? -1
    if (confirmed === undefined || from >= confirmed || from >= firstOffset) return
    const rewound = new LedgerRewound(key, confirmed, position)
    this.consumers.tell(rewound)
    throw rewound
  }
}

/** A row of the ledger is another table's. */
function otherTarget({ sink, group, target }: LedgerKey, found: string): PipelineError {
  return new PipelineError(
    'LEDGER_TARGET',
    `"${sink}" is in the ledger, for the group ${group}, the name of a sink that writes to ${found}, and this one writes ` +
      `to ${target}: what one has written would count as written by the other. Give this sink another "Name in ledger"; ` +
      'it begins where the consumer is',
    { retryable: true, status: 'ledgerNameTaken' },
  )
}
