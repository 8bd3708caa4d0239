/**
 * Keeps one refused partition from ending the session of a consumer. kafkajs 2.2.4 throws the whole answer to a fetch or
 * a commit away when one partition in it has an error: a topic that may be seen and not read (Kafka ACL) would keep all
 * others from being read.
 *
 * Here such a partition is taken out of the answer and told to the listener. Errors that kafkajs handles by itself stay
 * (an offset out of range, a leader that has moved), and so do those of the whole group.
 */
import { createRequire } from 'node:module'
import type { TopicPartition } from '../../../driver'
import { readingAnswers, type AnsweringBroker } from './broker-answers'
import type { PartitionAnswer } from '../../../group/partitions/refused-partitions'

const FETCH_API = 1
const COMMIT_API = 8

/** Kafka's numbers. */
const OFFSET_OUT_OF_RANGE = 1
const UNKNOWN_TOPIC_OR_PARTITION = 3
const LEADER_NOT_AVAILABLE = 5
const NOT_LEADER = 6
const TOPIC_AUTHORIZATION_FAILED = 29
const FENCED_LEADER_EPOCH = 74
const UNKNOWN_LEADER_EPOCH = 75

const LEFT_TO_KAFKAJS: ReadonlySet<number> = new Set([
  OFFSET_OUT_OF_RANGE,
  UNKNOWN_TOPIC_OR_PARTITION,
  LEADER_NOT_AVAILABLE,
  NOT_LEADER,
  FENCED_LEADER_EPOCH,
  UNKNOWN_LEADER_EPOCH,
])
/** Of the topic alone; what else a commit is answered with concerns the group. */
const OF_ONE_COMMIT: ReadonlySet<number> = new Set([UNKNOWN_TOPIC_OR_PARTITION, TOPIC_AUTHORIZATION_FAILED])

interface Answer {
  readonly responses: readonly {
    readonly topicName?: string
    readonly topic?: string
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[]
  }[]
}

/** The same broker, whose answers are not thrown away because of one partition. */
export function tellingEachPartition<B extends AnsweringBroker>(
  broker: B,
  onAnswer: (answer: PartitionAnswer) => void,
): B {
  return readingAnswers(broker, [FETCH_API, COMMIT_API], (answer, api, parse) =>
    parse(withoutRefused(api, answer as Answer, onAnswer)),
  )
}

function withoutRefused(api: number, answer: Answer, onAnswer: (answer: PartitionAnswer) => void): Answer {
  const request = api === FETCH_API ? 'fetch' : 'commit'
  const isRefused = (code: number): boolean =>
    api === FETCH_API ? code !== 0 && !LEFT_TO_KAFKAJS.has(code) : OF_ONE_COMMIT.has(code)
  const responses = answer.responses.map((each) => {
    const topic = each.topicName ?? each.topic ?? ''
    const partitions = each.partitions.filter(({ partition: number, errorCode }) => {
      const partition: TopicPartition = { topic, partition: number }
      if (isRefused(errorCode)) {
        onAnswer({ request, partition, error: kafkaError(errorCode) })
        return false
      }
      if (errorCode === 0) onAnswer({ request, partition, error: undefined })
      return true
    })
    return { ...each, partitions }
  })
  return { ...answer, responses }
}

export function kafkaError(code: number): Error {
  const errors = createRequire(__filename)('kafkajs/src/protocol/error') as {
    createErrorFromCode: (code: number) => Error
  }
  return errors.createErrorFromCode(code)
}
