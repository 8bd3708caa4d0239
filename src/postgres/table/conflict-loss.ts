/**
 * TimescaleDB 2.17.0 to 2.18.0 end an `insert … select … on conflict do nothing` into a compressed chunk at the first
 * conflict, and say nothing of it: the rows after it are lost (timescale/timescaledb#7672, fixed in 2.18.1). That is
 * how rows are written by key.
 */
import { DatabaseError } from '../connect/database-error'
import type { TableName } from '../connect/identifiers'
import { phrase } from '../../status/phrase'

export function losesRowsAfterConflict(version: string): boolean {
  const [, major, minor, patch] = (/^(\d+)\.(\d+)(?:\.(\d+))?/.exec(version) ?? []).map(Number)
  if (major !== 2) return false
  return minor === 17 || (minor === 18 && (patch ?? 0) === 0)
}

export function conflictLoss({ schema, table }: TableName, version: string): DatabaseError {
  const text =
    `TimescaleDB ${version} loses rows that are written by key to the hypertable "${schema}"."${table}": after the first ` +
    'that is there already, those of compressed chunks. Install 2.18.1 or newer and run "alter extension timescaledb ' +
    'update", or let a tenant postgres sink write by ledger'
  return new DatabaseError('configuration', '0A000', text, phrase('postgresTimescaleLosesRows', { version }))
}
