/**
 * In a real browser: *Test connection* in the dialogs of the configuration nodes, against services that are live, dead and
 * others; with what is typed, and with a saved password, which never gets to the browser.
 */
import assert from 'node:assert/strict'
import type { Locator, Page } from 'playwright-core'
import { freePort } from '../../dev/services/free-port'
import { startMosquitto, type Mosquitto } from '../../dev/services/mosquitto'
import { closeDialog, dialogOpened, openDialog, unfold } from '../../dev/dialog'
import { picture, TestEditor } from '../support/editor'
import { createTestTopic, sharedKafka, uniqueName } from '../support/kafka'
import { createTestDatabase, type TestDatabase } from '../support/postgres'

const SECRET = 'canary-password'

describe('the connection tests in the editor', function () {
  this.timeout(180_000)
  let mosquitto: Mosquitto
  let database: TestDatabase
  let editor: TestEditor
  let page: Page
  let dead: number
  let role: string
  let brokers: string
  let topic: string
  const missing = uniqueName('missing')
  /** Everything that the server has answered to a test. */
  const answers: string[] = []

  before(async () => {
    ;[mosquitto, database, dead] = await Promise.all([
      startMosquitto({ savesEveryChange: false, user: { name: 'pipeline', password: SECRET } }),
      createTestDatabase(),
      freePort(),
    ])
    brokers = (await sharedKafka()).address
    topic = await createTestTopic(brokers)
    const { hostname, port, pathname } = new URL(database.url)
    role = `tester_${pathname.slice(1)}`
    await database.query(`create role ${role} login password '${SECRET}'`)
    editor = await TestEditor.start(
      [
        { id: 'tab', type: 'tab', label: 'Flow 1' },
        { id: 'debug', type: 'debug', z: 'tab', x: 200, y: 100, wires: [] },
        {
          id: 'broker',
          type: 'tenant-mqtt-broker',
          url: mosquitto.address,
          clientId: 'edge-7',
          user: 'pipeline',
        },
        {
          id: 'db',
          type: 'tenant-postgres',
          address: 'fields',
          host: hostname,
          port,
          databaseName: pathname.slice(1),
          user: role,
        },
        { id: 'cluster', type: 'tenant-kafka-cluster', brokers },
        {
          id: 'consumer',
          type: 'tenant-kafka-consumer',
          z: 'tab',
          x: 200,
          y: 300,
          cluster: 'cluster',
          topics: `${topic},${missing}`,
          group: uniqueName('group'),
          wires: [[], []],
        },
        {
          id: 'source',
          type: 'tenant-mqtt-source',
          z: 'tab',
          x: 200,
          y: 400,
          broker: 'broker',
          topic: 'a/#',
          wires: [[], []],
        },
        { id: 'rows', type: 'tenant-postgres-sink', z: 'tab', x: 200, y: 200, database: 'db', wires: [[]] },
      ],
      { MQTT_URL: mosquitto.address, DATABASE_URL: database.url, KAFKA_BROKERS: brokers },
    )
    await editor.nodeRed.deploy(
      (await editor.nodeRed.flow()).map((entry) =>
        ['broker', 'db', 'cluster'].includes(entry.id)
          ? { ...entry, credentials: { username: 'u', password: SECRET } }
          : entry,
      ),
    )
    page = await editor.open()
    page.on('response', (response) => {
      if (/\/test$/.test(response.url())) void response.text().then((text) => answers.push(text))
    })
  })
  after(async () => {
    await editor?.stop()
    await mosquitto?.stop()
    await database?.query(`drop owned by ${role}; drop role ${role}`)
    await database?.drop()
  })
  afterEach(async () => {
    assert.doesNotMatch(answers.join(), new RegExp(SECRET))
    await closeDialog(page, 'cancel')
  })

  const open = async (type: string, id: string): Promise<void> => {
    await page.evaluate(`RED.editor.editConfig('', '${type}', '${id}')`)
    await dialogOpened(page)
    await place(type).getByRole('button').waitFor()
  }
  const place = (type: string): Locator => page.locator(`#${type}-test`)
  const field = (name: string): Locator => page.locator(`#node-config-input-${name}`)
  /** Presses the button. @returns the code of each check, with its sentence */
  async function test(type: string): Promise<Map<string, string>> {
    const lines = place(type).locator('li[data-check]')
    await page.evaluate(`$('#${type}-test li').remove()`)
    await place(type).getByRole('button').click()
    await lines.first().waitFor()
    await place(type).scrollIntoViewIfNeeded()
    const all = await lines.all()
    return new Map(
      await Promise.all(
        all.map(async (line) => {
          const code = (await line.getAttribute('data-check')) as string
          return [code, (await line.innerText()).trim()] as const
        }),
      ),
    )
  }

  describe('of an MQTT broker', () => {
    const type = 'tenant-mqtt-broker'

    it('passes with the saved password, lists what the broker grants, and shows every sentence whole', async () => {
      await open(type, 'broker')
      assert.equal(await field('password').inputValue(), '__PWRD__')
      const found = await test(type)
      assert.equal(found.get('reached'), `127.0.0.1:${mosquitto.port} accepts connections.`)
      assert.equal(found.get('sessionKept'), 'Session expiry: the broker grants 604,800 s, as asked for.')
      assert.match(found.get('queue') ?? '', /max_queued_messages \(mosquitto\.conf\) is at least 1,000/)
      assert.ok(found.has('ownSession'))
      for (const words of found.values()) assert.doesNotMatch(words, /__|tenant-mqtt-broker\./)
      await picture(page, 'test-mqtt')
    })

    it('does not send the saved password to a changed address, and takes the one that is typed', async () => {
      await open(type, 'broker')
      await field('url').fill(`mqtt://localhost:${mosquitto.port}`)
      const kept = await test(type)
      assert.deepEqual([...kept.keys()], ['withheld'])
      assert.match(kept.get('withheld') ?? '', /Enter the password to test a changed address/)
      await picture(page, 'test-mqtt-withheld')
      await field('password').fill(SECRET)
      assert.ok((await test(type)).has('loggedIn'))
      await field('password').fill('wrong')
      const refused = await test(type)
      assert.deepEqual([...refused.keys()], ['notAuthorized'])
    })

    it('says what is wrong with a dead port, a port of another service, and a wrong value', async () => {
      await open(type, 'broker')
      await field('password').fill(SECRET)
      await field('url').fill(`mqtt://127.0.0.1:${dead}`)
      assert.deepEqual([...(await test(type)).keys()], ['unreachable'])
      await field('url').fill(`mqtt://${new URL(database.url).host}`)
      assert.deepEqual([...(await test(type)).keys()], ['notMqtt'])
      await field('url').fill('http://broker')
      assert.match((await test(type)).get('invalid') ?? '', /the address of the MQTT broker/)
      await picture(page, 'test-mqtt-wrong')
    })

    it('works for a node that was never deployed, with an address from a variable', async () => {
      await open(type, '_ADD_')
      await field('url').fill('${MQTT_URL}')
      await field('user').fill('pipeline')
      await field('password').fill(SECRET)
      const found = await test(type)
      assert.equal(found.get('reached'), '${MQTT_URL} accepts connections.')
      await field('password').fill('${MQTT_URL}')
      assert.deepEqual([...(await test(type)).keys()], ['notDeployed'])
    })
  })

  describe('of PostgreSQL', () => {
    const type = 'tenant-postgres'

    it('passes with the saved password, and tells what the user may not do to the tables of the flow', async () => {
      await open(type, 'db')
      const found = await test(type)
      assert.match(found.get('reached') ?? '', /^127\.0\.0\.1:\d+ accepts connections, and this user\.$/)
      assert.match(found.get('version') ?? '', /^PostgreSQL \d+/)
      assert.match(
        found.get('mayNotCreate') ?? '',
        /is missing, and this user may not create it\. Run: grant/,
      )
      for (const words of found.values()) assert.doesNotMatch(words, /__|tenant-postgres\./)
      await picture(page, 'test-postgres')
    })

    it('does not send the saved password elsewhere, or without the verification that it was saved with', async () => {
      for (const change of [
        () => field('host').fill('localhost'),
        () => field('port').fill(String(dead)),
        () => field('tlsMode').selectOption('no-verify'),
      ]) {
        await open(type, 'db')
        await unfold(page)
        await change()
        assert.deepEqual([...(await test(type)).keys()], ['withheld'])
        await closeDialog(page, 'cancel')
      }
      const { host } = new URL(database.url)
      const kept = await page.evaluate(`RED.nodes.node('db').host + ':' + RED.nodes.node('db').port`)
      assert.equal(kept, host, 'Cancel leaves the node as it was')
      await open(type, 'db')
    })

    it('says what is wrong with a dead port, a port of another service, a wrong password, and a wrong value', async () => {
      await open(type, 'db')
      await field('password').fill('wrong')
      assert.deepEqual([...(await test(type)).keys()], ['loginRefused'])
      await field('port').fill(String(dead))
      assert.deepEqual([...(await test(type)).keys()], ['unreachable'])
      await field('port').fill(String(mosquitto.port))
      assert.deepEqual([...(await test(type)).keys()], ['notPostgres'])
      await field('port').fill('x')
      assert.match((await test(type)).get('invalid') ?? '', /"port" is "x"; expected a whole number/)
      await picture(page, 'test-postgres-wrong')
    })

    it('works for a node that was never deployed, with its URL from a variable', async () => {
      await open(type, '_ADD_')
      await field('url').fill('${DATABASE_URL}')
      assert.equal((await test(type)).get('reached'), '${DATABASE_URL} accepts connections, and this user.')
    })
  })

  describe('of a Kafka cluster', () => {
    const type = 'tenant-kafka-cluster'

    it('tells how many brokers there are, and what the settings of the topics of the flow mean', async () => {
      await open(type, 'cluster')
      const found = await test(type)
      assert.equal(found.get('reached'), `${brokers} answers as a Kafka broker.`)
      assert.equal(found.get('topicReady'), `Topic ${topic} is there (partitions: 1, replicas: 1).`)
      assert.match(found.get('topicMissing') ?? '', new RegExp(`^Topic ${missing} is missing`))
      for (const words of found.values()) assert.doesNotMatch(words, /__|tenant-kafka-cluster\./)
      await picture(page, 'test-kafka')
    })

    it('does not send the saved password to a changed address, or another kind of login', async () => {
      await open(type, 'cluster')
      await unfold(page)
      await field('sasl').selectOption('plain')
      assert.deepEqual([...(await test(type)).keys()], ['withheld'])
      await field('sasl').selectOption('none')
      await field('brokers').fill(brokers.replace('127.0.0.1', 'localhost'))
      assert.ok((await test(type)).has('reached'), 'no password is needed')
    })

    it('says what is wrong with a dead port, a port of another service, and a wrong value', async () => {
      await open(type, 'cluster')
      await field('brokers').fill(`127.0.0.1:${dead}`)
      assert.deepEqual([...(await test(type)).keys()], ['unreachable'])
      await field('brokers').fill(`127.0.0.1:${mosquitto.port}`)
      assert.deepEqual([...(await test(type)).keys()], ['notKafka'])
      await field('brokers').fill('SSL://kafka')
      assert.match((await test(type)).get('invalid') ?? '', /has a protocol, as in SSL/)
    })

    it('works for a node that was never deployed, with its address from a variable', async () => {
      await open(type, '_ADD_')
      await field('brokers').fill('${KAFKA_BROKERS}')
      assert.equal((await test(type)).get('reached'), '${KAFKA_BROKERS} answers as a Kafka broker.')
    })
  })

  describe('of the whole pipeline', () => {
    it('are those of all nodes that the flow uses, with saved passwords, and name what is incomplete', async () => {
      await page.evaluate(`(() => {
        RED.nodes.node('source').topic = 'a/#/b'
        RED.editor.validateNode(RED.nodes.node('source'))
      })()`)
      await openDialog(page, 'consumer')
      const results = page.locator('#tenant-kafka-consumer-test-pipeline')
      await results.getByRole('button').click()
      await results.locator('button:enabled').waitFor()
      await results.scrollIntoViewIfNeeded()
      await picture(page, 'test-pipeline')
      const found = await results
        .locator('ul')
        .evaluateAll((lists) =>
          lists.map((list) =>
            [...list.querySelectorAll('li')].map((line) => line.getAttribute('data-check')).slice(0, 2),
          ),
        )
      assert.deepEqual(found, [
        ['reached', 'anonymous'],
        ['reached', 'loggedIn'],
        ['reached', 'version'],
      ])
      assert.match(
        await results.innerText(),
        /a\/#\/b is incomplete: Topic filters: expected a topic filter such as/,
      )
    })
  })
})
