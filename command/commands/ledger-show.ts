/** `ledger show`: where each sink is in each partition, and how far behind Kafka. */
import { flag } from '../../src/config/options'
import { listLedger, type KafkaRange } from '../../src/postgres/audit/audit'
import { command, EXIT } from '../command'
import { CONNECTION_OPTIONS, Flow } from '../connections/flow'
import { withPostgres } from '../connections/open'
import { isWanted, LEDGER_OPTIONS, rangesOf } from './ledger-lines'

export const ledgerShow = command({
  details: [
    'Shows the positions in the ledger: for each sink and partition the next offset, and how the offsets before it ended. ' +
      'Where Kafka is configured as well, how many records are still to be read. A line without a sink is the position ' +
      'of the consumer itself.',
  ],
  options: {
    ...LEDGER_OPTIONS,
    json: { reads: flag(false), value: '', what: 'writes JSON' },
    ...CONNECTION_OPTIONS,
  },
  run: async ({ json, ...values }, call) => {
    const flow = Flow.open(values, call)
    const all = await withPostgres(flow, ({ database, ledger }) => listLedger(database, ledger))
    const lines = all.filter(isWanted(values))
    const ranges = await rangesOf(flow, lines)
    const lags = lines.map(({ nextOffset }, at) => lagOf(nextOffset, ranges[at]))
    if (json)
      call.outlet.json({
        positions: lines.map((line, at) => ({ ...line, kafka: ranges[at], lag: lags[at] })),
      })
    else
      call.outlet.table(
        ['group', 'sink', 'topic', 'part', 'next', 'rows', 'dead', 'filtered', 'lag', 'moved'],
        lines.map(
          ({ group, sink, topic, partition, nextOffset, storedRows, deadLetters, filtered, movedAt }, at) => [
            ...[group, sink, topic, partition, nextOffset, storedRows, deadLetters, filtered],
            lags[at] ?? '?',
            movedAt.toISOString().slice(0, 19),
          ],
        ),
      )
    return EXIT.fine
  },
})

function lagOf(nextOffset: number, range: KafkaRange): number | undefined {
  return typeof range === 'object' ? Math.max(0, range.latest - nextOffset) : undefined
}
