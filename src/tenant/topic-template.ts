/** The Kafka topic of a message: one for all, or made of the levels of its MQTT topic. The dialog reads both in the same way. */
import { kafkaTopicProblem } from './kafka-topic'
import { refused, Template } from './templates'
import type { TopicPattern } from './topic-pattern'

/** @throws PipelineError `CONFIG_INVALID` */
export function sharedTopic(name: string): Template {
  const problem = kafkaTopicProblem(name)
  if (problem !== undefined) throw refused('Kafka topic', name, problem)
  return Template.compile('Kafka topic', name, [])
}

/** @throws PipelineError `CONFIG_INVALID` */
export function topicTemplate(text: string, pattern: TopicPattern): Template {
  const template = Template.compile('Kafka topic', text, pattern.names)
  const optional = template.names.find((name) => !pattern.isRequired(name))
  if (optional !== undefined) {
    throw refused('Kafka topic', text, `{${optional}} is optional in the topic pattern`)
  }
  if (template.hasTouchingNames) {
    throw refused('Kafka topic', text, 'there must be text between two names, or they run into each other')
  }
  if (template.names.length === 0) {
    throw refused('Kafka topic', text, 'it has no name; for one topic choose "one shared topic"')
  }
  const problem = kafkaTopicProblem(
    template.render(Object.fromEntries(template.names.map((name) => [name, 'x']))),
  )
  if (problem !== undefined) throw refused('Kafka topic', text, problem)
  return template
}
