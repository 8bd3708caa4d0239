import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { freePort } from '../../../dev/services/free-port'
import { newerNodeHint } from '../../../dev/start/node-version'
import { parseStartOptions } from '../../../dev/start/options'
import { assertPortsAreFree } from '../../../dev/start/ports'
import { shownAddress } from '../../../dev/start/services'
import { targetsOf, topicPattern } from '../../../dev/start/targets'
import { Terminal } from '../../../dev/start/terminal'
import { welcome } from '../../../dev/start/welcome'
import { editorAccepts, editorDefinition } from '../../support/package'

describe('the command line of npm start', () => {
  it('takes options and has defaults', () => {
    const { rate, simulator, kafkaPort, port, qos } = parseStartOptions(
      '--rate 900 --no-simulator --kafka-port=19092'.split(' '),
    )
    assert.deepEqual([rate, simulator, kafkaPort, port, qos], [900, false, 19092, 1880, 1])
  })

  for (const args of [['--rate', 'fast'], ['--port', '0'], ['--devices='], ['--qos', '3'], ['--unknown']]) {
    it(`refuses ${args.join(' ')}`, () => {
      assert.throws(() => parseStartOptions(args), /--/)
    })
  }
})

describe('the Node.js of npm start', () => {
  for (const [version, hinted] of [
    ['20.20.2', true],
    ['22.9.0', true],
    ['24.0.0', false],
    ['26.1.0', false],
  ] as const) {
    it(`${version}: ${hinted ? 'a newer one is faster' : 'new enough'}`, () => {
      assert.equal(newerNodeHint(version)?.includes(version) ?? false, hinted)
    })
  }
})

describe('ports of npm start', () => {
  it('says which port is taken, and what to do', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port: kafkaPort } = server.address() as { port: number }
    const free = { port: await freePort(), mqttPort: await freePort(), databasePort: await freePort() }
    const options = { ...parseStartOptions([]), ...free, kafkaPort }
    await assert.rejects(assertPortsAreFree(options, {}), (error: Error) => {
      assert.match(error.message, new RegExp(`Port ${kafkaPort} \\(Kafka\\).*--kafka-port.*KAFKA_BROKERS`))
      return true
    })
    await assertPortsAreFree(options, { KAFKA_BROKERS: 'elsewhere:9092' })
    server.close()
  })
})

describe('the ready line', () => {
  it('does not show the password of a server that the user has named', () => {
    const url = 'postgres://iot:s3cret@x@db.example:5432/iot'
    const mqtt = 'mqtt://localhost:1883'
    assert.equal(
      shownAddress(url, 'DATABASE_URL', { DATABASE_URL: url }),
      'postgres://iot:***@db.example:5432/iot',
    )
    assert.equal(shownAddress(url, 'DATABASE_URL', {}), url)
    assert.equal(shownAddress(mqtt, 'MQTT_URL', { MQTT_URL: mqtt }), mqtt)
  })
})

describe('what npm start says to a person', () => {
  const database = 'postgres://postgres:secret@127.0.0.1:5433/postgres'
  const running = {
    editorUrl: 'http://127.0.0.1:1880',
    mqtt: 'mqtt://127.0.0.1:1884',
    kafka: '127.0.0.1:9093',
    database,
    table: 'public.iot_messages',
  }
  const dialogs = (env: Readonly<Record<string, string>>): string =>
    welcome(running, env).find(([heading]) => heading === 'In dialogs')?.[1] ?? ''

  it('has addresses that the dialogs take, the password beside them, and the table', () => {
    const [mqtt, kafka, postgres, ...login] = dialogs({}).split(/, | with/)
    assert.ok(editorAccepts(editorDefinition('tenant-mqtt-broker'), 'url', mqtt))
    assert.ok(editorAccepts(editorDefinition('tenant-kafka-cluster'), 'brokers', kafka))
    assert.ok(editorAccepts(editorDefinition('tenant-postgres'), 'url', postgres))
    assert.deepEqual(login, [' the password secret'])
    const words = welcome(running, {}).map(([heading, text]) => `${heading} ${text}`)
    assert.ok(words.some((line) => /psql .* public\.iot_messages /.test(line)))
    assert.ok(words.some((line) => /^Stop Ctrl-C/.test(line)))
  })

  it('has no password of a server that the user has named', () => {
    const lines = welcome(running, { DATABASE_URL: database }).flat()
    assert.ok(!lines.join('\n').includes('secret'))
  })
})

describe('the terminal', () => {
  const texts = (isTTY: boolean, now: () => number): [Terminal, string[]] => {
    const written: string[] = []
    return [new Terminal({ isTTY, write: (text) => written.push(text) }, now), written]
  }

  it('writes the live line over itself where it can', () => {
    const [terminal, written] = texts(true, () => 0)
    terminal.live('one')
    terminal.live('two')
    terminal.line('done')
    assert.deepEqual(written, ['\r\x1b[Kone', '\r\x1b[Ktwo', '\r\x1b[Kdone\n'])
  })

  it('has colours where there is a terminal, and none elsewhere', () => {
    for (const isTTY of [true, false]) {
      const [terminal, written] = texts(isTTY, () => 0)
      terminal.point('Open', 'x')
      terminal.result('missing 0', true)
      assert.equal(written.join('').includes('\x1b['), isTTY)
    }
  })

  it('prints it now and then elsewhere', () => {
    let nowMs = 0
    const [terminal, written] = texts(false, () => nowMs)
    for (; nowMs <= 10_000; nowMs += 1000) terminal.live(String(nowMs))
    assert.deepEqual(written, ['0\n', '5000\n', '10000\n'])
  })
})

describe('what npm start counts', () => {
  it('is read from the flow', () => {
    const flow = [
      { id: '1', type: 'tenant-topic', strategy: 'shared', kafkaTopic: 'iot-messages' },
      { id: '2', type: 'tenant-topic', strategy: 'template', topicTemplate: '{tenant}.{project}' },
      { id: '3', type: 'tenant-postgres-sink', table: 'iot_messages' },
      { id: '4', type: 'tenant-postgres-sink', table: 'switched_off', d: true },
    ]
    const targets = targetsOf(flow)
    assert.deepEqual(targets.tables, ['public.iot_messages'])
    assert.ok(targets.kafkaTopics.some((topic) => topic.test('iot-messages')))
    assert.ok(targets.kafkaTopics.some((topic) => topic.test('acme.plant')))
    assert.ok(!targets.kafkaTopics.some((topic) => topic.test('other')))
  })

  it('takes the dots of a topic template literally', () => {
    assert.ok(!topicPattern('iot.{tenant}').test('iotXacme'))
  })
})
