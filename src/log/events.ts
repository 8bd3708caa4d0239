/**
 * Every kind of event that this package writes to Node-RED's log: a code that stays the same over versions, so that
 * alarms can be built on it, and what a person makes of it. `docs/events.md` shows this table; a test compares.
 * The file is long because it is one table.
 */

export type EventLevel = 'error' | 'warn' | 'info' | 'debug'

export interface EventKind {
  readonly level: EventLevel
  readonly meaning: string
  /** What to do about it; empty: nothing. */
  readonly action: string
}

const kind = (level: EventLevel, meaning: string, action = ''): EventKind => ({ level, meaning, action })

export const EVENTS = {
  // ---- every node
  CONFIG_REFUSED: kind(
    'error',
    'A node was deployed with settings that cannot work, or that are not safe. It takes no messages.',
    'Fix the setting that the message names, and deploy.',
  ),
  UNEXPECTED: kind(
    'error',
    'An error that this package did not foresee. Nothing is lost: what was not acknowledged comes again.',
    'Report it, with the message.',
  ),

  TLS_EXPIRING: kind(
    'warn',
    'The client certificate of a TLS configuration has expired, or expires within 14 days.',
    'Replace the file: the next connection uses it, without a deploy.',
  ),

  SOURCE_PAUSED: kind(
    'warn',
    'The operator has paused a source: it sends nothing into the flow. The MQTT broker, or Kafka, keeps what comes.',
    'Resume it before the queue of the MQTT broker is full, or the retention of Kafka is over.',
  ),
  SOURCE_RESUMED: kind('info', 'The operator has let a paused source resume.'),

  // ---- MQTT
  MQTT_CONNECTED: kind('info', 'The source has connected for the first time since it was deployed.'),
  MQTT_AWAY: kind(
    'error',
    'The source cannot reach the MQTT broker, or is refused. The broker queues what arrives meanwhile.',
    'See the message. It resumes by itself.',
  ),
  MQTT_BACK: kind('info', 'The source is connected again.'),
  MQTT_TAKEN_OVER: kind(
    'error',
    'Another client uses the same client ID. The source stays away for a while and tries again.',
    'Give each client an ID of its own.',
  ),
  MQTT_CLIENT_ID_TAKEN: kind(
    'warn',
    'Another node of this Node-RED uses the same client ID, so this one waits.',
    'Give each source a client ID of its own.',
  ),
  MQTT_FILTER_UNAVAILABLE: kind(
    'error',
    'An MQTT 5 broker says that it has no shared subscriptions, or no wildcards, and the topic of the source needs them. The source does not subscribe, and tries again.',
    'Change the topic as the message says, or the broker.',
  ),
  MQTT_OUTSIDE_FILTERS: kind(
    'warn',
    'The broker sends messages that no topic filter of the source matches. Of a subscription of an earlier configuration, they are acknowledged and do not enter the flow, and the source ends the subscription. Of a broker that rewrites topics, they enter the flow. While it cannot be told which of the two (MQTT 3.1.1 after a restart), they wait unacknowledged, and the status is red. Said once of each after a deploy.',
    'As the message says: choose what *Other topics* does, or use MQTT 5. An earlier subscription that comes again at each start: use a new client ID.',
  ),
  MQTT_SESSION_LOST: kind(
    'error',
    'Possible loss: the broker no longer has the session, so what was published while the source was away may be gone.',
    "Check the broker's persistence and session expiry.",
  ),
  MQTT_SESSION_NEW: kind(
    'warn',
    'The broker had no session for the client ID, and this Node-RED process has had none either: its first connection, or a possible loss.',
    "Nothing at the first start with a client ID. After a restart of both: check the broker's persistence.",
  ),
  MQTT_EXPIRY: kind(
    'warn',
    'The broker keeps the session for a shorter time than was asked for. A longer outage of Node-RED loses messages.',
    "Raise the broker's limit.",
  ),
  MQTT_RESTING: kind(
    'warn',
    'The window was full for so long that the source has left the broker; it comes back when half of it is free.',
    'Look for what keeps the flow from storing messages.',
  ),
  MQTT_QUEUE_FILLING: kind(
    'warn',
    'The flow takes nothing, and the queue that the broker keeps for the source is filling: the message says how long it lasts.',
    'Fix what holds up the flow, or give the broker a longer queue.',
  ),
  MQTT_QUEUE_FULL: kind(
    'error',
    'Possible loss: at the rate of before, the queue that the broker keeps for the source is full, and it drops messages.',
    'Fix what holds up the flow, and give the broker a longer queue.',
  ),
  MQTT_DROPPED: kind(
    'error',
    'Possible loss: the broker has counted messages that it dropped because a queue was full.',
    'Give the broker a longer queue for each client.',
  ),
  MQTT_DROPPED_EARLIER: kind(
    'warn',
    'Possible loss: before the source connected, the broker had dropped messages of its clients.',
    'If Node-RED was away in that time, some may have been for it.',
  ),
  MQTT_DROPS_UNKNOWN: kind(
    'info',
    'The broker does not tell how many messages it drops.',
    "Watch its queues with the broker's own tools.",
  ),

  // ---- Kafka
  KAFKA_READABLE: kind(
    'warn',
    'A login, or the records, travel without TLS: others on the network can read them.',
    'Switch TLS on, as the message says.',
  ),
  KAFKA_CONNECTED: kind('info', 'The node has reached Kafka for the first time since it was deployed.'),
  KAFKA_AWAY: kind(
    'error',
    'The node cannot write to Kafka, or read from it. It keeps what it has and retries until it succeeds.',
    'See the message. It resumes by itself.',
  ),
  KAFKA_TOPIC_MISSING: kind(
    'error',
    'A topic that the node writes to, or reads, does not exist. It keeps what it has, and waits for the topic.',
    'Create the topic, or set *Missing topic* of the node to create it.',
  ),
  KAFKA_BACK: kind('info', 'Kafka works again for the node.'),
  KAFKA_HANDED_BACK: kind(
    'info',
    'A producer was deployed again, or removed, while it had records that Kafka had not stored. Their source sends them again.',
  ),
  KAFKA_PARTITIONS_AWAY: kind(
    'error',
    'The consumer cannot read some of its topics or partitions, which the message names: they have no leader, do not exist, or the group has given them to no member that reads them. It reads the others.',
    'See the message. What has a leader again, or a member, is read without further action.',
  ),
  KAFKA_PARTITIONS_BACK: kind('info', 'The consumer reads from all of its topics again.'),
  KAFKA_TOPIC_CHECKED: kind(
    'info',
    'The producer has found a topic: partitions and replicas are in `counts`.',
  ),
  KAFKA_TOPIC_CREATED: kind('info', 'A topic was missing, and was created as the node says.'),
  KAFKA_TOPIC_UNSAFE: kind(
    'warn',
    'A topic would lose acknowledged records (by compaction, or with a broker), stop when a broker stops, or replace the time that a flow has set.',
    'Change the setting that the message names.',
  ),
  KAFKA_PARTITIONS_FEWER: kind(
    'warn',
    'A topic was deleted and made again with fewer partitions. What waited for the others is written to those that are there; the order of a device holds, except across this change.',
    'Nothing, when it was on purpose.',
  ),
  KAFKA_TOO_MANY_TOPICS: kind(
    'error',
    'Records need Kafka topics beyond *Max. new topics* of the producer: devices have invented names, or the fleet has grown. The records are rejected.',
    'Limit the names in `tenant-topic`, or raise *Max. new topics* and replay the dead letters.',
  ),
  KAFKA_TOPIC_EXCLUDED: kind(
    'warn',
    'The topic pattern of the consumer matches topics that a pattern never reads, because their names begin with `__` or are not safe.',
    'Name such a topic in a consumer of its own, or rename it. The producer writes to none of them.',
  ),
  KAFKA_ASSIGNED: kind('info', 'The consumer was given partitions; `counts` says how many more.'),
  KAFKA_REVOKED: kind('info', 'The consumer has given partitions up; `counts` says how many.'),
  KAFKA_OFFSET_OUT_OF_RANGE: kind(
    'error',
    'Possible loss: Kafka no longer has the records that come next in a partition. The consumer has stopped it.',
    'Compare the retention with the length of the outage, then say in the dialog of the consumer where it resumes.',
  ),
  KAFKA_GAP: kind(
    'error',
    'Possible loss: Kafka has deleted records by compaction before the consumer read them; `counts` says how many. The ledger shows them as unaccounted for.',
    'Set `cleanup.policy=delete` for the topic, unless the newest record of each key is all that you need.',
  ),
  KAFKA_UNREADABLE: kind(
    'error',
    'What Kafka holds next in a partition is damaged. The consumer has stopped it.',
    'See the reason in the message. Fix the broker, then say in the dialog of the consumer where it resumes.',
  ),
  KAFKA_RELEASED: kind(
    'warn',
    'The operator has let a stopped partition resume, in the dialog of the consumer.',
  ),

  // ---- PostgreSQL
  POSTGRES_READY: kind('info', 'The sink has reached the database, and found or made its table.'),
  POSTGRES_AWAY: kind(
    'error',
    'The sink cannot write. It keeps what it has and retries until it succeeds; nothing is written off.',
    'See the message. It resumes by itself.',
  ),
  POSTGRES_BACK: kind('info', 'The sink writes again.'),
  POSTGRES_SERVER: kind(
    'info',
    'Of several servers, the one that the message names is written to from now on; it says why the others are not.',
  ),
  POSTGRES_UNSAFE: kind(
    'warn',
    'A setting of the server, which the message names, can cost rows that it has confirmed.',
    'Change the setting.',
  ),
  TENANT_TABLE_AWAY: kind(
    'warn',
    "A tenant's own table cannot be written while those of others can. Its records go to the dead letters with the code `TENANT_TABLE`.",
    'Fix the table or the rights; the sink notices by itself. Then send the dead letters through the flow again.',
  ),
  TENANT_TABLE_BACK: kind('info', "A tenant's own table can be written again."),
  COLUMN_EMPTY: kind(
    'warn',
    'A column of the mapping has been NULL in every row since the deploy, 1,000 of them or more. It is said once.',
    'Compare the source of the column with a payload: a misspelt path finds nothing.',
  ),
  POSTGRES_MAINTENANCE: kind(
    'warn',
    'Partitions could not be added in advance, or old rows not be dropped. It is tried again in a minute.',
    'See the message; a lock or a missing permission is the usual reason.',
  ),
  POSTGRES_OUTDATED: kind(
    'info',
    'Partitions older than the retention were dropped; `counts` says how many.',
  ),
  CHECK_CLOCK: kind(
    'warn',
    'Rows look outdated and were not dropped, because a clock may be wrong: that of Node-RED and that of PostgreSQL differ, one was set, or the rows end a day or more before now.',
    'Check both clocks. When they are right nothing has to be done: the rows are dropped later, after as long as no rows came.',
  ),
  LEDGER_MOVED: kind(
    'warn',
    'Another process has written the same Kafka records before: this one has rolled back and read the ledger again.',
    'Normal after a rebalance. When it repeats, two Node-REDs with the same group write to the same table.',
  ),

  LEDGER_REWOUND: kind(
    'warn',
    'PostgreSQL no longer has what it had confirmed: a standby that was behind took over, or a backup was restored. The consumer goes back to the position in the ledger, and the rows are written again.',
    'Nothing, as long as Kafka still has the records. Synchronous replication avoids it.',
  ),

  // ---- deliveries
  FLOW_MERGES: kind(
    'warn',
    'A Join node behind the source merges messages, which are then acknowledged too early.',
    'Put it after Kafka, or let the source emit batches.',
  ),
  FLOW_SENDS_LATER: kind(
    'warn',
    'A Trigger node behind the source sends messages after it has said that it is done with them: they are acknowledged too early.',
    'Put it behind Kafka, or use a Delay node.',
  ),
  FLOW_HOLDS: kind(
    'warn',
    'A Batch or Sort node behind the source keeps messages until a group is complete; those that wait too long are sent again.',
    'Put it after Kafka, or let the source emit batches.',
  ),
  FLOW_SEES_BATCH: kind(
    'warn',
    'A Switch, Filter, Change, Template or similar node after the source works with one message, but the source sends batches: the node may drop, misroute or overwrite a whole batch.',
    'Put a `tenant-batch` node before it, which splits the batch, and another one after it, which joins it again (docs/flows.md, example 13); or set the output of the source to single messages.',
  ),
  FILTERED: kind(
    'info',
    'The flow has ended messages on purpose, and they were acknowledged; `counts` says how many since the last line.',
    'When none should end in the flow, choose *treat as a failure* under *If dropped* in the source.',
  ),
  LATE_COPY: kind(
    'warn',
    'A message came to a sink after its source had stopped waiting for it. The sink writes it all the same; only the PostgreSQL sink refuses a batch when later records of its Kafka partition are stored already. Or it came to the join of a `tenant-batch` after its batch had left: the join refuses it.',
    'A node on the way keeps messages without saying so, and a crash in between loses them. Lead what a join refuses to a tenant dead letter, by a Catch node. A Function node that sends from a callback has to call `node.done()` after it; replace other nodes that do so.',
  ),
  REDELIVERY: kind(
    'warn',
    'Messages have failed in the flow, and are sent again until they are stored.',
    'See the reason. It resumes by itself.',
  ),
  MESSAGES_HELD: kind(
    'error',
    'Messages have failed for good and nothing stores them. They are kept and not acknowledged.',
    'Wire the second output of the source to a tenant dead letter.',
  ),
  REDELIVERY_OVER: kind('info', 'No message of the source is waiting to be sent again, or held.'),

  // ---- records that can never be stored
  UNMATCHED: kind(
    'warn',
    'MQTT topics do not match the pattern; `counts` says how many messages since the last line.',
    'Look at the second output, and correct the pattern or the devices.',
  ),
  INVALID: kind(
    'warn',
    'Payloads do not fit their JSON Schema, or no rule is for them; `counts` says how many records since the last line.',
    'Look at the second output of the node, and correct the devices or the schema.',
  ),
  REJECTED: kind(
    'warn',
    'Records can never be stored where they should go; they were handed to the output or to the dead letters.',
    'Look at the dead letters.',
  ),
  TIME_REPLACED: kind(
    'warn',
    'Devices gave no time, or one that cannot be read or is out of bounds: their rows have the Kafka timestamp. Or that one is out of bounds: they have the time at which the message was received.',
    'Look for the rows whose `time_source` is not `device`, and at the clocks of these devices, of bridges and of Kafka.',
  ),
  REJECTS_UNWIRED: kind(
    'warn',
    'Nothing is wired to the output for rejected records: one that cannot be stored fails its message.',
    'Wire it to a tenant dead letter, or let the sink keep dead letters in a table.',
  ),
  REJECTS_WAITING: kind(
    'warn',
    'The flow after the output for rejected records cannot store them, or ends them unstored. They are retried until they are stored.',
    'Look at the nodes behind the output: a tenant dead letter has to be among them.',
  ),
  REJECTS_BACK: kind('info', 'The flow behind the output for rejected records stores them again.'),
  DEAD_LETTERS: kind('info', 'Dead letters were stored; `counts` says how many since the last line.'),
  DEAD_LETTERS_WAITING: kind(
    'warn',
    'Dead letters cannot be stored, or be marked as replayed, at the moment. They are kept, and retried until it succeeds.',
    'See the message. It resumes by itself.',
  ),
  DEAD_LETTERS_BACK: kind('info', 'Dead letters are stored, or marked, again.'),
  REPLAYED: kind('info', 'A replay of dead letters is over; `counts` says how they ended.'),
  REPLAY_FAILED: kind(
    'warn',
    'Dead letters have failed again in a replay. They stay in their table, and can be replayed again.',
    'See the reason, and fix the flow.',
  ),
  REPLAY_LEFT: kind(
    'warn',
    'Dead letters are not sent again: they have failed as often as is allowed, or their payload is not whole.',
    'List them, fix the cause, and raise the number of attempts.',
  ),

  // ---- watching
  METRICS_LISTENING: kind('info', 'Metrics, `/live` and `/ready` are served; the message says where.'),
  METRICS_UNAVAILABLE: kind(
    'error',
    'Metrics, `/live` and `/ready` are not served: a setting is wrong, or the port is in use. The flows run.',
    'See the message and docs/operations.md, and restart Node-RED.',
  ),
  TRACES_WITHOUT_SDK: kind(
    'warn',
    'Traces are on, and no OpenTelemetry SDK is registered in the process: nothing exports them. The flows run.',
    'Start the SDK in settings.js (docs/operations.md), or turn traces off, and restart Node-RED.',
  ),

  // ---- what is under all this
  KAFKA_CLIENT: kind('debug', 'What the Kafka client library says, as it says it.'),
} as const satisfies Readonly<Record<string, EventKind>>

export type EventCode = keyof typeof EVENTS

/** Whether an event reports that records may be lost. */
export function isPossibleLoss(code: EventCode): boolean {
  return EVENTS[code].meaning.startsWith('Possible loss')
}

/** Whether the code of an error names an event of its own. */
export function isEventCode(code: string): code is EventCode {
  return Object.hasOwn(EVENTS, code)
}
