/**
 * The topics of a consumer as the user writes them: names separated by commas, or one `/pattern/`.
 */
import { PipelineError } from '../runtime/errors'

/** Kafka's own rule (Topic.java): up to 249 of these characters, and not `.` or `..`. */
const TOPIC_NAME = /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/

/** @throws PipelineError `CONFIG_INVALID` */
export function parseTopics(text: string): (string | RegExp)[] {
  const trimmed = text.trim()
  const pattern = /^\/(.+)\/(i?)$/.exec(trimmed)
  if (pattern !== null) return [compile(pattern[1] as string, pattern[2] as string)]
  const names = trimmed.split(',').map((name) => name.trim())
  const wrong = names.find((name) => !TOPIC_NAME.test(name))
  if (wrong !== undefined) {
    throw invalid(`"${wrong}" is no Kafka topic; expected names separated by commas, or one /pattern/`)
  }
  return [...new Set(names)]
}

function compile(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, flags)
  } catch (error) {
    throw invalid(`the topic pattern is wrong: ${(error as Error).message}`)
  }
}

export interface TopicSelection {
  /** Topics to subscribe to, sorted. */
  readonly topics: readonly string[]
  /** Names that were asked for and are not there. */
  readonly missing: readonly string[]
}

/** Which of the topics that exist are wanted. Kafka's internal topics only by their exact name. */
export function selectTopics(
  wanted: readonly (string | RegExp)[],
  existing: readonly string[],
): TopicSelection {
  const names = new Set(wanted.filter((want) => typeof want === 'string'))
  const patterns = wanted.filter((want) => want instanceof RegExp)
  const matches = (topic: string): boolean =>
    !topic.startsWith('__') && patterns.some((pattern) => pattern.test(topic))
  const topics = existing.filter((topic) => names.has(topic) || matches(topic)).sort()
  return { topics, missing: [...names].filter((name) => !existing.includes(name)) }
}

function invalid(sentence: string): PipelineError {
  return new PipelineError('CONFIG_INVALID', sentence, { retryable: false, statusText: 'check "topics"' })
}
