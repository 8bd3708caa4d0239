/** `dead-letters export`: every dead letter as a line of JSON, with all of its bytes. */
import { readReplay } from '../../nodes/tenant-dead-letter-source/options'
import { flag, integer } from '../../src/config/options'
import { listLetters } from '../../src/postgres/replay/list-letters'
import { command, EXIT } from '../command'
import { CONNECTION_OPTIONS, Flow } from '../connections/flow'
import { withPostgres } from '../connections/open'
import { letterJson, LETTER_OPTIONS } from './letters'

const PAGE = 1_000

export const deadLettersExport = command({
  details: [
    'Writes the dead letters of a table to the standard output, newest first, one line of JSON each, with reason, headers and ' +
      'payload, whole: a text where it is UTF-8, otherwise {"base64": "…"}. Nothing is changed.',
  ],
  options: {
    ...LETTER_OPTIONS,
    waiting: { reads: flag(false), value: '', what: 'leaves out those that were replayed' },
    max: {
      reads: integer({ default: 0, min: 0, max: 1_000_000_000, unit: 'dead letters' }),
      value: 'N',
      what: 'ends after this many; 0: all of them',
    },
    ...CONNECTION_OPTIONS,
  },
  run: async ({ waiting, max, ...values }, call) => {
    const { outlet, signal } = call
    const { filter, source } = readReplay({ ...values, limit: PAGE })
    const flow = Flow.open(values, call)
    let written = 0
    await withPostgres(flow, async ({ database }) => {
      let before: string | undefined
      do {
        const { entries, lastId } = await listLetters(database, source.table, { ...filter, before })
        for (const entry of entries) {
          if (signal.aborted || (max > 0 && written >= max)) return
          if (waiting && entry['replayedAt'] !== undefined) continue
          await outlet.record(letterJson(entry))
          written++
        }
        before = lastId
      } while (before !== undefined)
    })
    outlet.note(`${written} dead letters`)
    return signal.aborted ? EXIT.failed : EXIT.fine
  },
})
