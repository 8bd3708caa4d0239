/**
 * What an error of PostgreSQL says, by its SQLSTATE: what to do when nothing can be written, and whether one row may be
 * the reason. The table is the policy: the longest entry that the code begins with decides.
 * Codes: PostgreSQL documentation, appendix A.
 *
 * A code alone never proves that the table is at fault, or the row: a trigger may raise any code for one row, and a
 * table that was changed refuses every row with codes that speak of rows. So a row is searched for wherever there may be
 * one, and whether others pass decides its verdict: `shared-refusals.ts`.
 */

/**
 * What an error is while no row is known to be the reason:
 *  - transient: it passes by itself; the same batch again.
 *  - data: a row is refused.
 *  - configuration: the operator has to change the database or the node. Nothing is written off; we try again.
 */
export type FaultKind = 'transient' | 'data' | 'configuration'

/**
 * Whether one row may be the reason:
 *  - row: the one that PostgreSQL names, or that is left when all others have passed.
 *  - row alone: only one that fails again without company.
 *  - perhaps: the same, if the statement succeeds without rows. Written off only when other rows pass.
 *  - in the end: the same, once the batch has failed like this a few times.
 *  - never: no row is searched for.
 */
export type Blame = 'row' | 'row alone' | 'perhaps' | 'in the end' | 'never'

type Entry = readonly [kind: FaultKind, blame: Blame, reason: string]

const FAULTS: Readonly<Record<string, Entry>> = {
  '08': ['transient', 'never', 'the connection'],
  '57': ['transient', 'never', 'the server, or an operator, has ended the work'],
  '57014': ['transient', 'in the end', 'over the time limit: a trigger may be slow for one row'],
  '25': ['transient', 'never', 'the state of the transaction; a standby that takes no writes'],
  '40': ['transient', 'never', 'another transaction'],
  '55P03': ['transient', 'never', "another transaction's lock"],
  '55006': ['transient', 'never', "another session's use of the object"],
  '53': ['transient', 'never', 'the server lacks memory, disk or connections'],
  '53400': ['transient', 'in the end', 'a limit of the configuration, which a row may exceed'],
  '58': ['transient', 'never', 'the file system'],
  '72': ['transient', 'never', 'a snapshot that is too old'],

  '22': ['data', 'row', 'a value that the column does not take'],
  '23': ['data', 'row', 'a constraint'],
  '23505': ['data', 'row alone', 'a unique key: perhaps that of another row of the batch'],
  '44': ['data', 'row', 'the check option of a view'],
  '54': ['data', 'row', 'too deep, or too large'],
  P0: ['data', 'row', 'raised by a function, such as a trigger'],
  '21': ['data', 'row alone', 'a row that comes twice in one statement, or a subquery with several rows'],
  '09': ['data', 'row alone', 'a trigger'],
  '20': ['data', 'row alone', 'a CASE of a function without a branch for the row'],
  '24': ['data', 'row alone', 'a cursor of a function'],
  '27': ['data', 'row alone', 'a trigger that has changed the row already'],
  '2F': ['data', 'row alone', 'a function in SQL'],
  '38': ['data', 'row alone', 'a function in another language'],
  '39': ['data', 'row alone', 'a call of a function in another language'],
  XX000: ['data', 'row alone', 'an "internal error", such as an extension raises'],

  '2200H': ['configuration', 'never', 'a sequence has reached its end'],
  '0A': ['configuration', 'perhaps', 'not supported for this table, or by a function'],
  '26': ['configuration', 'perhaps', 'a statement that a function names'],
  '2B': ['configuration', 'perhaps', 'rights that depend on others'],
  '34': ['configuration', 'perhaps', 'a cursor that a function names'],
  '3B': ['configuration', 'perhaps', 'a savepoint of a function'],
  '3F': ['configuration', 'perhaps', 'no such schema'],
  '42': ['configuration', 'perhaps', 'no such table, column or right; a policy for the row'],
  '55': ['configuration', 'perhaps', 'an object that is not in the state for it'],
  HV: ['configuration', 'perhaps', 'a foreign table'],
  '28': ['configuration', 'never', 'the login'],
  '3D': ['configuration', 'never', 'no such database'],
  F0: ['configuration', 'never', "the server's configuration file"],
  XX: ['configuration', 'never', 'a corrupted table or index'],
}

/** A trigger may raise any code that its author has made up. */
const UNKNOWN: Entry = [
  'data',
  'row alone',
  'a code that PostgreSQL does not document, such as a trigger raises',
]

export interface Fault {
  readonly kind: FaultKind
  readonly blame: Blame
  /** For people who read the table. */
  readonly reason: string
}

export function faultOf(sqlState: string): Fault {
  const [kind, blame, reason] = FAULTS[sqlState] ?? FAULTS[sqlState.slice(0, 2)] ?? UNKNOWN
  return { kind, blame, reason }
}

/** Codes and classes that the table names. */
export const KNOWN_FAULTS: readonly string[] = Object.keys(FAULTS)

/**
 * A partitioned table has no partition for a row: `23514` like a violated check, but it is the partition that is
 * missing, which may be that of one tenant or of one day.
 */
export const MISSING_PARTITION: Fault = {
  kind: 'configuration',
  blame: 'perhaps',
  reason: 'the partitioned table has no partition for the row',
}

export function isMissingPartition(error: { code?: unknown; routine?: unknown }): boolean {
  return error.code === '23514' && error.routine === 'ExecFindPartition'
}
