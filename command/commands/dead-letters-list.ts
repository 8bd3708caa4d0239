/** `dead-letters list`: how many there are, of which tenants and reasons, and what the last of each looks like. */
import { options as letterOptions, readReplay } from '../../nodes/tenant-dead-letter-source/options'
import { flag } from '../../src/config/options'
import { listGroups } from '../../src/postgres/replay/dead-letter-groups'
import { command, EXIT } from '../command'
import { CONNECTION_OPTIONS, Flow } from '../connections/flow'
import { withPostgres } from '../connections/open'
import { LETTER_OPTIONS } from './letters'

export const deadLettersList = command({
  details: [
    'Lists the dead letters of a table by reason and tenant, those first of which most wait to be replayed. Dead letters in a ' +
      'Kafka topic: consume --topic iot-dead-letters --from beginning.',
  ],
  options: {
    ...LETTER_OPTIONS,
    json: { reads: flag(false), value: '', what: 'writes JSON, with a sample of each' },
    ...CONNECTION_OPTIONS,
  },
  run: async ({ json, ...values }, call) => {
    const { outlet } = call
    const { filter, source } = readReplay({ ...values, limit: letterOptions.limit.default })
    const flow = Flow.open(values, call)
    const { groups, more } = await withPostgres(flow, ({ database }) =>
      listGroups(database, source.table, filter),
    )
    if (json) outlet.json({ groups, more })
    else {
      outlet.table(
        ['reason', 'tenant', 'count', 'waiting', 'first', 'last', 'message'],
        groups.map(({ reason, tenant = '', count, waiting, first, last, sample }) => [
          ...[reason, tenant, count, waiting, first.slice(0, 19), last.slice(0, 19)],
          sample.message.slice(0, 120),
        ]),
      )
      if (more) outlet.note('there are more, with fewer dead letters that wait')
    }
    return EXIT.fine
  },
})
