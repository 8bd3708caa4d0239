/** `consume`: shows the records of Kafka topics as they come, or from some point on. */
import { flag, integer, text } from '../../src/config/options'
import { EXPECTED } from '../../src/config/expected'
import { follow } from '../../src/kafka/consume/follow'
import type { StartAt } from '../../src/kafka/driver'
import { parseTopics, selectTopics, type WantedTopic } from '../../src/kafka/topic-selection'
import { TopicNames } from '../../src/kafka/topics/topic-names'
import { jsonBytes, jsonHeaders } from '../../src/record/json-bytes'
import { shownBytes } from '../../src/record/shown-bytes'
import { parseInstant } from '../../src/time/instant'
import { PipelineError } from '../../src/wire/errors'
import type { HeaderText, WireRecord } from '../../src/wire/message'
import { usage } from '../arguments'
import { command, EXIT, type Call } from '../command'
import { CONNECTION_OPTIONS, Flow } from '../connections/flow'
import { withKafka } from '../connections/open'
import { parseDuration } from '../duration'

const SHOWN_CHARACTERS = 2_000
const DEFAULT_TOPIC = 'iot-messages'

export const consume = command({
  details: [
    'Shows the records of Kafka topics, new ones by default, until Ctrl-C. It reads in a consumer group of its own that ' +
      'commits nothing: the consumers of the flows do not notice, and nothing is left behind.',
    'With --max and --for it is a test: it fails when fewer records have come in that time.',
  ],
  options: {
    topic: {
      reads: 'list',
      value: 'NAME',
      what: 'a Kafka topic, or one /pattern/; without it those of the consumers of the flow, KAFKA_TOPIC, or iot-messages',
    },
    tenant: { reads: text(), value: 'NAME', what: 'only records of this tenant' },
    project: { reads: text(), value: 'NAME', what: 'only records of this project' },
    device: { reads: text(), value: 'NAME', what: 'only records of this device' },
    from: {
      reads: text({ default: 'latest' }),
      value: 'WHERE',
      what: 'latest, beginning, or a time such as 2026-11-20T08:00:00Z',
    },
    max: {
      reads: integer({ default: 0, min: 0, max: 1_000_000_000, unit: 'records' }),
      value: 'N',
      what: 'ends after this many records; 0: never',
    },
    for: { reads: text(), value: 'TIME', what: 'ends after this time, such as 30s or 5m' },
    'topic-pattern': {
      reads: text({ expects: 'topicNames' }),
      value: 'TEXT',
      what: 'reads tenant and project from the name of the Kafka topic where the record has none, such as {tenant}.{project}',
    },
    'group-prefix': {
      reads: text({
        default: 'tenant-pipeline-consume',
        pattern: /^[A-Za-z0-9._-]{1,180}$/,
        expects: 'consumerGroup',
      }),
      value: 'TEXT',
      what: 'how the name of the group begins, which this user has to be allowed to read with',
    },
    json: {
      reads: flag(false),
      value: '',
      what: 'writes one line of JSON for each record, whole; what is not UTF-8 is {"base64": "…"}',
    },
    ...CONNECTION_OPTIONS,
  },
  run: async (values, call) => {
    const { outlet, environment, signal } = call
    const { max, json, 'topic-pattern': pattern } = values
    const start = startOf(values.from)
    const limitMs = parseDuration('for', values.for)
    const topicNames = pattern === '' ? undefined : TopicNames.compile(pattern)
    const flow = Flow.open(values, call)
    let shown = 0
    let hasStopped = false
    await withKafka(flow, async (cluster, { id }) => {
      const topics = topicsOf(
        values.topic,
        values.flow === '' ? undefined : consumersOf(flow, id),
        environment,
      )
      const { topics: found, missing } = selectTopics(topics, [...(await cluster.topicNames())])
      if (missing.length > 0 || found.length === 0) throw noTopic(missing)
      const over = new AbortController()
      signal.addEventListener('abort', () => over.abort())
      const timer = limitMs === undefined ? undefined : setTimeout(() => over.abort(), limitMs)
      const end = follow(cluster.driver, {
        topics,
        start,
        topicNames,
        groupPrefix: values['group-prefix'],
        onRecord: async (record) => {
          if (over.signal.aborted || !isWanted(record, values)) return
          shown++
          if (shown === max) over.abort()
          if (json) await outlet.record(jsonOf(record))
          else outlet.line(lineOf(record))
        },
        onReady: (partitions) => outlet.note(`reading ${found.join(', ')} (${partitions} partitions)`),
        onProblem: (problem) =>
          outlet.note(problem === undefined ? 'Kafka works' : `${problem.message}; trying again`),
        onStopped: ({ topic, partition }, problem) => {
          hasStopped = true
          outlet.note(`nothing more is read from ${topic}, partition ${partition}: ${problem.message}`)
        },
      })
      await aborted(over.signal)
      clearTimeout(timer)
      await end()
    })
    const hasAll = max === 0 || shown >= max || signal.aborted
    if (!hasAll) outlet.note(`${shown} of ${max} records have come`)
    return hasAll && !hasStopped ? EXIT.fine : EXIT.failed
  },
})

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve())
  })

function startOf(from: string): StartAt {
  if (from === 'latest') return 'latest'
  if (from === 'beginning') return 'earliest'
  const time = parseInstant(from)
  if (time !== undefined) return { timestamp: Math.floor(time) }
  throw usage(`--from is none of latest, beginning, or ${EXPECTED.instant}`)
}

/** What the consumers of the flow read through this cluster. */
function consumersOf(flow: Flow, cluster: string): string[] {
  const consumers = flow.entries.filter(
    ({ type, d, cluster: its }) => type === 'tenant-kafka-consumer' && d !== true && its === cluster,
  )
  return consumers.flatMap(({ topics }) => {
    const resolved = flow.resolved(topics)
    return typeof resolved === 'string' && resolved !== '' ? [resolved] : []
  })
}

function topicsOf(
  given: readonly string[],
  ofFlow: readonly string[] | undefined,
  environment: Call['environment'],
): WantedTopic[] {
  if (given.length > 0) return given.flatMap(parseTopics)
  if (ofFlow === undefined) return parseTopics(environment['KAFKA_TOPIC'] || DEFAULT_TOPIC)
  if (ofFlow.length > 0) return ofFlow.flatMap(parseTopics)
  throw usage('no consumer of the flow reads from this cluster: name topics with --topic')
}

function noTopic(missing: readonly string[]): PipelineError {
  const which =
    missing.length === 0 ? 'no topic matches the pattern' : `there is no topic ${missing.join(', ')}`
  const message = `${which}, or this user may not describe it`
  return new PipelineError('KAFKA_UNKNOWN_TOPIC', message, { retryable: false })
}

const NAMES = ['tenant', 'project', 'device'] as const

function isWanted(record: WireRecord, wanted: Readonly<Record<(typeof NAMES)[number], string>>): boolean {
  return NAMES.every((name) => wanted[name] === '' || String(record[name] ?? '') === wanted[name])
}

/** Where it is, whose it is, and what it says. */
function lineOf({ kafka = {}, payload, ...record }: WireRecord): string {
  const { topic, partition, offset, timestamp, headers = {} } = kafka
  const time = timestamp === undefined ? '' : `${new Date(timestamp).toISOString()} `
  const names = NAMES.map((name) => String(record[name] ?? '-')).join('/')
  const reason = headers['dead-letter-reason']
  const why = reason === undefined ? '' : ` [${String(reason)}]`
  const shown = Buffer.isBuffer(payload)
    ? shownBytes(payload, payload.length, SHOWN_CHARACTERS)
    : '(no payload)'
  return `${time}${topic}/${partition}@${offset} ${names}${why} ${shown}`
}

function jsonOf({ kafka = {}, payload, topic: mqttTopic, ...record }: WireRecord): object {
  const { topic, partition, offset, timestamp, key, headers = {} } = kafka
  const text = (value: HeaderText | undefined): unknown =>
    value === undefined ? undefined : jsonBytes(value)
  return {
    topic,
    partition,
    offset,
    time: timestamp === undefined ? undefined : new Date(timestamp).toISOString(),
    tenant: text(record.tenant),
    project: text(record.project),
    device: text(record.device),
    mqttTopic: text(mqttTopic),
    messageId: text(record.messageId),
    key: jsonBytes(key),
    headers: jsonHeaders(headers),
    payload: Buffer.isBuffer(payload) || typeof payload === 'string' ? jsonBytes(payload) : (payload ?? null),
  }
}
