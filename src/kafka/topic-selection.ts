/**
 * The topics of a consumer as the user writes them: names separated by commas, or one `/pattern/`.
 */
import { describeError, PipelineError } from '../wire/errors'
import { compileLinear, type LinearPattern } from '../config/linear-pattern'
import { KAFKA_INTERNAL, kafkaNameProblem, kafkaTopicProblem } from '../tenant/kafka-topic'
import { phrase } from '../status/phrase'

/** A name, or a pattern that selects by name. */
export type WantedTopic = string | LinearPattern

/** @throws PipelineError `CONFIG_INVALID` */
export function parseTopics(text: string): WantedTopic[] {
  const trimmed = text.trim()
  const pattern = /^\/(.+)\/(i?)$/.exec(trimmed)
  if (pattern !== null) return [compile(pattern[1] as string, pattern[2] as string)]
  const names = trimmed.split(',').map((name) => name.trim())
  const wrong = names.find((name) => kafkaNameProblem(name) !== undefined)
  if (wrong !== undefined) {
    throw invalid(`"${wrong}" is no Kafka topic; expected names separated by commas, or one /pattern/`)
  }
  return [...new Set(names)]
}

function compile(source: string, flags: string): LinearPattern {
  try {
    return compileLinear(source, { ignoreCase: flags === 'i' })
  } catch (error) {
    throw invalid(`the topic pattern /${source}/: ${describeError(error)}`)
  }
}

export interface TopicSelection {
  /** Topics to subscribe to, sorted. */
  readonly topics: readonly string[]
  /** Names that were asked for and are not there. */
  readonly missing: readonly string[]
  /** A pattern matches them, and they are left out: their names are not those of a topic that we write to. */
  readonly excluded: readonly string[]
}

/** Which of the topics that exist are wanted. What we would not write to is read only by its exact name. */
export function selectTopics(wanted: readonly WantedTopic[], existing: readonly string[]): TopicSelection {
  const names = new Set(wanted.filter((want) => typeof want === 'string'))
  const patterns = wanted.filter((want) => typeof want !== 'string')
  const topics: string[] = []
  const excluded: string[] = []
  for (const topic of existing) {
    if (names.has(topic)) topics.push(topic)
    else if (!KAFKA_INTERNAL.has(topic) && patterns.some((pattern) => pattern.test(topic))) {
      if (kafkaTopicProblem(topic) === undefined) topics.push(topic)
      else excluded.push(topic)
    }
  }
  const missing = [...names].filter((name) => !existing.includes(name))
  return { topics: topics.sort(), missing, excluded: excluded.sort() }
}

function invalid(sentence: string): PipelineError {
  return new PipelineError('CONFIG_INVALID', sentence, {
    retryable: false,
    status: phrase('check', { option: 'topics' }),
  })
}
