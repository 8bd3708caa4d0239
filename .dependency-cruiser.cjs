/**
 * Which folder may import which: `npm run lint` checks it.
 *
 * The folders of `src/` are layers. Each may import itself and those before it in this list; so whoever reads a folder
 * needs to know only what is above it here, and a circle between folders cannot come about.
 */
const LAYERS = [
  'status',
  'wire',
  'time',
  'log',
  'config',
  'watch',
  'trace',
  'runtime',
  'record',
  'batching',
  'delivery',
  'tenant',
  'validate',
  'dead-letters',
]
/** The outside systems: on top of all layers, side by side. */
const SYSTEMS = ['mqtt', 'kafka', 'postgres']

const upward = LAYERS.map((layer, at) => ({
  name: `${layer}-imports-downwards`,
  comment: `src/${layer} is a layer below: it may not know what is built on top of it.`,
  severity: 'error',
  from: { path: `^src/${layer}/` },
  to: { path: `^src/(${[...LAYERS.slice(at + 1), ...SYSTEMS].join('|')})/` },
}))

const apart = SYSTEMS.map((system) => ({
  name: `${system}-stands-alone`,
  comment:
    'MQTT, Kafka and PostgreSQL do not know each other: a flow joins them, and a user may have only one of them.',
  severity: 'error',
  from: { path: `^src/${system}/` },
  to: { path: `^src/(${SYSTEMS.filter((other) => other !== system).join('|')})/` },
}))

module.exports = {
  forbidden: [
    {
      name: 'no-circle',
      comment: 'Of two files that import each other, also only their types, neither can be understood first.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'every-folder-is-a-layer',
      comment: 'A new folder of src/ needs a place in the list above, or nothing checks its imports.',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: `^src/(${[...LAYERS, ...SYSTEMS].join('|')})/` },
    },
    ...upward,
    ...apart,
    {
      name: 'src-knows-no-node',
      comment:
        'The library is tested without a runtime; the adapters in nodes/ and plugins/ hand in what it needs of Node-RED.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(nodes|plugins|command)/|node_modules/(node-red|@node-red)/' },
    },
    {
      name: 'nodes-do-not-know-each-other',
      comment: 'What two nodes share belongs to src/.',
      severity: 'error',
      from: { path: '^nodes/([^/]+)/' },
      to: { path: '^nodes/', pathNot: '^nodes/$1/' },
    },
    {
      name: 'command-needs-no-node-red',
      comment:
        'The command line runs without Node-RED. Of a node it uses how options are read, and the test of its dialog.',
      severity: 'error',
      from: { path: '^command/' },
      to: {
        path: '^(nodes|plugins)/|node_modules/(node-red|@node-red)/',
        pathNot: '^nodes/[^/]+/(options|test-route)[.]ts$',
      },
    },
    {
      name: 'nothing-imports-the-command-line',
      comment: 'It is a program: what others need of it belongs to src/.',
      severity: 'error',
      from: { pathNot: '^command/' },
      to: { path: '^command/' },
    },
    {
      name: 'one-driver-is-one-folder',
      comment:
        'A Kafka client is chosen at one place; everything else knows only the contract, src/kafka/driver.ts.',
      severity: 'error',
      from: { path: '^(src|nodes|plugins|command)/', pathNot: '^src/kafka/drivers/' },
      to: { path: '^src/kafka/drivers/', pathNot: '^src/kafka/drivers/[^/]+[.]ts$' },
    },
    {
      name: 'kafkajs-in-its-driver',
      comment: 'Another client must be able to take the place of kafkajs without a change elsewhere.',
      severity: 'error',
      from: { path: '^(src|nodes|plugins|command)/', pathNot: '^src/kafka/drivers/kafkajs/' },
      to: { path: 'node_modules/(kafkajs|kafkajs-snappy)/' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    // Imports of types count: they are what ties files together for a reader.
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
  },
}
