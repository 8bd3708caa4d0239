/**
 * Which test files `npm test` and `npm run test:all` run. They run side by side, each file in one worker from its first
 * test to its last (`mocha --parallel`); services that they share are in `test/support/services.ts`.
 *
 * `npm test` has at most 8 minutes on two cores, and leaves out the files of `ONLY_ALL`: long ones whose promises are
 * tested less deeply by another file as well. A file that is in no list is part of both commands.
 */
const { readdirSync } = require('node:fs')
const { availableParallelism } = require('node:os')
const path = require('node:path')

/** The longest first, so that the workers come to an end together. */
const ONLY_ALL = [
  'test/integration/kafka-driver.contract.test.ts',
  'test/editor/every-field.test.ts',
  'test/flow/node-red-5.test.ts',
  'test/integration/kafka-producer.test.ts',
  'test/editor/sidebar.test.ts',
  'test/integration/kafka-broken-topic.test.ts',
  'test/editor/layout.test.ts',
  'test/flow/unhandled.test.ts',
  'test/editor/postgres-dialogs.test.ts',
  'test/faults/kafka-brokers.test.ts',
  'test/integration/restore.test.ts',
  'test/integration/rollup-kill.test.ts',
  'test/integration/mqtt-loss.test.ts',
  'test/integration/consumer-positions.test.ts',
  'test/editor/examples.test.ts',
  'test/faults/mqtt.test.ts',
  'test/dev/container.test.ts',
  'test/integration/events.test.ts',
  'test/integration/kafka-login.test.ts',
  'test/integration/kafka-token.test.ts',
  'test/command/secrets.test.ts',
  'test/deploy/compose-services.test.ts',
  'test/deploy/monitoring/prometheus.test.ts',
  'test/deploy/scripts.test.ts',
  'test/integration/validate.test.ts',
  'test/integration/mqtt-refusals.test.ts',
  'test/integration/connection-test-kafka.test.ts',
  'test/integration/lifecycle.test.ts',
  'test/deploy/kubernetes-flow.test.ts',
  'test/command/dead-letters.test.ts',
  'test/flow/foreign-hooks.test.ts',
  'test/command/package.test.ts',
  'test/deploy/kubernetes.test.ts',
]

/** Of `npm test`. */
const LONG = [
  'test/integration/pipeline.test.ts',
  'test/integration/outage.test.ts',
  'test/faults/process.test.ts',
  'test/integration/mqtt-source.test.ts',
  'test/editor/first-flow.test.ts',
  'test/integration/start.test.ts',
  'test/editor/live-help.test.ts',
  'test/editor/kafka-dialogs.test.ts',
  'test/integration/operations.test.ts',
  'test/editor/connection-tests.test.ts',
  'test/editor/palette.test.ts',
  'test/nodes/tenant-postgres-sink.test.ts',
  'test/integration/poison.test.ts',
  'test/faults/consumer.test.ts',
  'test/nodes/tenant-kafka-consumer.test.ts',
  'test/flow/source.test.ts',
  'test/integration/mqtt-session.test.ts',
]

const ROOT = path.resolve(__dirname, '../..')

/** Paths from the root of the project; without Node-RED 5 and the tests of what it is made of. */
const every = readdirSync(path.join(ROOT, 'test'), { recursive: true })
  .map((file) => `test/${file.split(path.sep).join('/')}`)
  .filter((file) => file.endsWith('.test.ts') && !file.startsWith('test/node-red-5/'))
  .sort()

const inOrder = (first, files) => [...first, ...files.filter((file) => !first.includes(file))]

/** The configuration of mocha for these files, on top of `.mocharc.json`. */
const sideBySide = (spec) => ({
  ...require('../../.mocharc.json'),
  spec,
  parallel: true,
  // More than four would want more memory, and ports (dev/services/free-port.ts).
  jobs: Math.min(4, Math.max(2, availableParallelism())),
})

const quick = inOrder(
  LONG,
  every.filter((file) => !ONLY_ALL.includes(file)),
)

module.exports = { ONLY_ALL, LONG, every, quick, all: inOrder([...ONLY_ALL, ...LONG], every), sideBySide }
