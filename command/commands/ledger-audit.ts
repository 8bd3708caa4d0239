/** `ledger audit`: whether every offset has an outcome, and the tables and Kafka agree. */
import { flag } from '../../src/config/options'
import { auditLedger, judge } from '../../src/postgres/audit/audit'
import { command, EXIT } from '../command'
import { CONNECTION_OPTIONS, Flow } from '../connections/flow'
import { withPostgres } from '../connections/open'
import { isWanted, LEDGER_OPTIONS, rangesOf } from './ledger-lines'

/** Counting the rows of a large table takes its time. */
const STATEMENT_MS = 3_600_000

export const ledgerAudit = command({
  details: [
    'Adds up the ledger: offsets advanced = rows + dead letters + filtered. Compares it with the rows in the tables, which ' +
      'may be fewer because old ones are deleted, and never two at one offset; and, where Kafka is configured as well, with ' +
      'what Kafka has. Table and ledger are read in one snapshot, so the pipeline may run meanwhile. Nothing is changed.',
    'It fails when something does not add up; docs/audit.md says what each number means.',
  ],
  options: {
    ...LEDGER_OPTIONS,
    'keeps-all': {
      reads: flag(false),
      value: '',
      what: 'the tables keep every row: fewer than the ledger has counted is a failure',
    },
    json: { reads: flag(false), value: '', what: 'writes JSON' },
    ...CONNECTION_OPTIONS,
  },
  run: async ({ json, 'keeps-all': keepsAll, ...values }, call) => {
    const { outlet } = call
    const flow = Flow.open(values, call)
    const lines = await withPostgres(
      flow,
      ({ database, ledger }) => auditLedger(database, ledger, isWanted(values)),
      { statementTimeoutMs: STATEMENT_MS },
    )
    const ranges = await rangesOf(flow, lines)
    const judged = lines.map((line, at) => ({
      ...line,
      kafka: ranges[at],
      ...judge(line, ranges[at], keepsAll),
    }))
    // With nothing to look at nothing would be found, whatever has happened.
    const ok = judged.length > 0 && judged.every(({ failures }) => failures.length === 0)
    if (json) outlet.json({ ok, positions: judged })
    else {
      for (const { sink, group, topic, partition, failures, notes, ...line } of judged) {
        const whose = sink === '' ? `the consumer of ${group}` : `${sink} (${group})`
        outlet.line(
          `${failures.length === 0 ? 'ok     ' : 'FAILED '} ${whose}, ${topic}/${partition}: ${sumOf(line)}`,
        )
        for (const failure of failures) outlet.line(`          ${failure}`)
        for (const note of notes) outlet.line(`          (${note})`)
      }
      if (flow.all('tenant-kafka-cluster').length === 0)
        outlet.note('no Kafka is configured: not compared with Kafka')
    }
    if (lines.length === 0) outlet.note('the ledger has no such position: nothing was audited')
    return ok ? EXIT.fine : EXIT.failed
  },
})

interface Counts {
  readonly firstOffset: number
  readonly nextOffset: number
  readonly storedRows: number
  readonly deadLetters: number
  readonly filtered: number
}

function sumOf({ firstOffset, nextOffset, storedRows, deadLetters, filtered }: Counts): string {
  return `offsets ${firstOffset} to ${nextOffset} = ${storedRows} rows + ${deadLetters} dead letters + ${filtered} filtered`
}
