/** `dead-letters replay`: sends the dead letters of a table to Kafka again, where the consumers of the flows read them. */
import { randomUUID } from 'node:crypto'
import { options as letterOptions, readReplay } from '../../nodes/tenant-dead-letter-source/options'
import { topicOption } from '../../src/kafka/topics/topic-plan'
import { flag } from '../../src/config/options'
import { EventLog } from '../../src/log/event-log'
import { DeadLetterSource } from '../../src/postgres/replay/dead-letter-source'
import { prepareReplay } from '../../src/postgres/replay/prepare-replay'
import { ReplayEvents } from '../../src/postgres/replay/replay-events'
import { isOver, type ReplayReport } from '../../src/postgres/replay/replay-report'
import { topicsOfReplayable, type TopicOfLetters } from '../../src/postgres/replay/replay-statements'
import { PipelineError } from '../../src/wire/errors'
import { usage } from '../arguments'
import { command, EXIT, type Call } from '../command'
import { CONNECTION_OPTIONS, Flow } from '../connections/flow'
import { withKafka, withPostgres } from '../connections/open'
import { kafkaFlow } from '../replay/kafka-flow'
import { LETTER_OPTIONS } from './letters'

const NODE_ID = 'tenant-pipeline'

export const deadLettersReplay = command({
  details: [
    'Sends dead letters of a table to Kafka again, each to the topic that it was read from or was to go to, and marks those ' +
      'that Kafka has stored. Every consumer group of that topic reads them again, also one that has stored the record ' +
      'before: each has its old message-id. A tenant dead letter source in Node-RED replays into one sink, exactly once.',
    'Fix the cause first: what fails again becomes a dead letter again, and after the number of attempts it is left alone. ' +
      'Payloads that are not whole are left alone, too.',
  ],
  options: {
    ...LETTER_OPTIONS,
    limit: { reads: letterOptions.limit, value: 'N', what: 'sends this many at most, the oldest first' },
    'max-attempts': {
      reads: letterOptions.maxAttempts,
      value: 'N',
      what: 'leaves those alone that have failed this often',
    },
    topic: { reads: topicOption(), value: 'NAME', what: 'sends all of them to this Kafka topic instead' },
    yes: { reads: flag(false), value: '', what: 'does not ask before it sends' },
    json: { reads: flag(false), value: '', what: 'writes the outcome as JSON' },
    ...CONNECTION_OPTIONS,
  },
  run: async ({ json, yes, topic, 'max-attempts': maxAttempts, ...values }, call) => {
    const { outlet } = call
    const { filter, source } = readReplay({ ...values, maxAttempts, createTable: false })
    const flow = Flow.open(values, call)
    const report = await withPostgres(flow, ({ database }) =>
      withKafka(flow, async (cluster): Promise<ReplayReport | undefined> => {
        await prepareReplay(database, source.table, false)
        const letters = await database.withClient('looking for dead letters', (client) =>
          topicsOfReplayable(client, source.table, filter, maxAttempts),
        )
        const existing = await cluster.topicNames()
        const sent = topic === '' ? letters : [{ topic, count: sumOf(letters) }]
        if (sumOf(sent) === 0) return undefined
        checkTopics(sent, existing)
        await agree(sent, yes, call)
        const log = new EventLog(noting(call))
        const events = new ReplayEvents(log)
        const { tracking, send, close } = kafkaFlow(cluster, topic, log)
        const replay = new DeadLetterSource(
          { ...source, nodeId: NODE_ID, database, replayTables: new Map() },
          { tracking, send, isWired: () => true, newId: randomUUID, onChange: () => undefined, events },
        )
        call.signal.addEventListener('abort', () => void replay.close())
        try {
          return await replay.replay(filter)
        } finally {
          await replay.close()
          await close()
          events.close()
        }
      }),
    )
    if (json) outlet.json(report ?? { found: 0 })
    else if (report === undefined) outlet.line('no dead letter waits for a replay')
    else {
      const { found, delivered, failed, skipped, spent, incomplete } = report
      outlet.line(
        `${delivered} of ${found} sent, ${failed} failed again, ${skipped} were replayed by another meanwhile`,
      )
      if (spent + incomplete > 0)
        outlet.line(
          `left alone: ${spent} have failed ${maxAttempts} times or more, ${incomplete} are not whole`,
        )
    }
    const isDone = report === undefined || (isOver(report) && report.failed === 0)
    return isDone ? EXIT.fine : EXIT.failed
  },
})

const sumOf = (letters: readonly TopicOfLetters[]): number =>
  letters.reduce((sum, { count }) => sum + count, 0)

/** Before anything is sent: a letter that fails has one attempt less. */
function checkTopics(letters: readonly TopicOfLetters[], existing: ReadonlySet<string>): void {
  for (const { topic, count } of letters) {
    if (topic === null)
      throw usage(
        `${count} dead letters were never meant for a Kafka topic: name one with --topic, or choose others`,
      )
    if (existing.has(topic)) continue
    const message = `there is no Kafka topic ${topic}, where ${count} dead letters would go: create it, or name another with --topic`
    throw new PipelineError('KAFKA_UNKNOWN_TOPIC', message, { retryable: false })
  }
}

async function agree(
  letters: readonly TopicOfLetters[],
  yes: boolean,
  { outlet, confirm }: Call,
): Promise<void> {
  for (const { topic, count } of letters) outlet.note(`${count} dead letters to ${topic}`)
  if (yes || (await confirm('Send them again?'))) return
  throw usage('nothing was sent: answer y at a terminal, or say --yes')
}

/** The lines of the log go to the standard error. */
function noting({ outlet }: Call): object {
  const note = (entry: unknown): void => outlet.note(String(entry))
  return { id: NODE_ID, log: note, warn: note, error: note, debug: () => undefined }
}
