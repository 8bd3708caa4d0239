/**
 * What the text of an option has to be: the one place for these words. The errors of the runtime end in them, and the build
 * puts them into the catalogues of the dialogs as `shared.expected.<key>`, so that both say the same of a wrong value. Never
 * the value itself: the editor shows the words as HTML.
 */
export const EXPECTED = {
  consumerGroup: 'a consumer group: 1 to 200 letters, digits, dots, dashes and underscores',
  databaseIdentifier: 'a name of letters, digits and underscores, at most 63, not beginning with a digit',
  environmentVariable: 'the name of an environment variable',
  instant: 'a time such as 2026-11-20T08:00:00Z, or milliseconds since 1970',
  kafkaBrokers: 'addresses such as kafka-1:9092,kafka-2:9092',
  kafkaClientId: 'letters, digits, dots, dashes and underscores, at most 100',
  kafkaTopic:
    'a Kafka topic: 1 to 249 letters, digits, dots, dashes and underscores, not beginning with two underscores',
  kafkaTopics: 'topics separated by commas, or one /pattern/',
  keyTemplate: 'text with names of the topic pattern in braces, such as {tenant}/{device}',
  metrics:
    'paths such as payload.temperature, each once and separated by commas; msg. before one that a node of the flow sets',
  mqttUrl: 'mqtt://host:1883, mqtts://, ws:// or wss://; several are separated by commas',
  postgresHost: 'a host, or host:port; several are separated by commas, as in a:5432,b:5433',
  postgresUrl: 'the form postgres://user@host:5432/database',
  propertyPath: 'the path of a property, such as payload.timestamp',
  regularExpression: 'a regular expression for the whole name',
  tenantSchema: 'a name with {tenant} in it once, after a letter or an underscore, such as tenant_{tenant}',
  tokenUrl: 'a URL such as https://login.example/oauth2/token, without a login in it',
  topicFilter: 'a topic filter such as plant/+/temperature or $share/group/plant/#; # only as the last level',
  topicNames: 'names of Kafka topics with parts in braces, such as {tenant}.{project}',
  topicTemplate:
    'a Kafka topic with names of the topic pattern in braces and text between them, such as {tenant}.{project}',
  topicPattern:
    'a topic pattern with {tenant}, such as plant/{tenant}/{device}/#; a level is a name, + or, at the end, #',
  validationRules: 'a list of rules in JSON, each with a condition and a JSON Schema',
} as const

export type Expected = keyof typeof EXPECTED
