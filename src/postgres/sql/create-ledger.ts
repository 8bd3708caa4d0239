import type { ClientBase } from 'pg'
import { qualified, type TableName } from '../identifiers'

/** Half of each page stays free, so that a moved position is written beside its old value. */
export async function createLedger(client: ClientBase, ledger: TableName): Promise<void> {
  await client.query(`
create table if not exists ${qualified(ledger)} (
  consumer_group text not null,
  sink           text not null,
  cluster_id     text not null,
  topic          text not null,
  "partition"    integer not null,
  next_offset    bigint not null,
  updated_at     timestamptz not null default now(),
  first_offset   bigint,
  stored_rows    bigint not null default 0,
  dead_letters   bigint not null default 0,
  filtered       bigint not null default 0,
  added          bigint not null default 0,
  target         text,
  last_timestamp bigint,
  primary key (consumer_group, sink, cluster_id, topic, "partition")
) with (fillfactor = 50)`)
}
