/** The dead letters of a flow, wherever its dead-letter nodes put them. */
import { quoteTable, tableExists } from '../../dev/accounting'
import { targetsOf } from '../../dev/start/targets'
import { withAdmin } from './kafka'
import { readTopic } from './kafka-log'
import type { Pipeline } from './pipeline'

export interface FoundDeadLetter {
  /** The MQTT topic of the message. */
  readonly topic: string
  readonly reason: string
}

export async function deadLettersOf(
  { flow, database }: Pick<Pipeline, 'flow' | 'database'>,
  brokers: string,
): Promise<FoundDeadLetter[]> {
  const { deadLetterTopics, deadLetterTables } = targetsOf(flow)
  const found: FoundDeadLetter[] = []
  const topics = await withAdmin(brokers, (admin) => admin.listTopics())
  for (const topic of topics.filter((name) => deadLetterTopics.some((pattern) => pattern.test(name)))) {
    for (const { headers } of await readTopic(brokers, topic)) {
      found.push({ topic: headers['mqtt-topic'] ?? '', reason: headers['dead-letter-reason'] ?? '' })
    }
  }
  for (const table of deadLetterTables) {
    if (!(await tableExists(database, table))) continue
    found.push(
      ...(
        await database.query<FoundDeadLetter>(`select mqtt_topic as topic, reason from ${quoteTable(table)}`)
      ).rows,
    )
  }
  return found
}
