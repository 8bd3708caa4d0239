/**
 * In a real browser: *Test connection* in the dialogs of the configuration nodes, against services that are live, dead and
 * others; with what is typed, and with a saved password, which never gets to the browser.
 */
import assert from 'node:assert/strict'
import type { Locator, Page } from 'playwright-core'
import { freePort } from '../../dev/services/free-port'
import { startMosquitto, type Mosquitto } from '../../dev/services/mosquitto'
import { picture, TestEditor } from '../support/editor'
import { createTestDatabase, type TestDatabase } from '../support/postgres'

const SECRET = 'canary-password'

describe('the connection tests in the editor', function () {
  this.timeout(180_000)
  let mosquitto: Mosquitto
  let database: TestDatabase
  let editor: TestEditor
  let page: Page
  let dead: number
  /** Everything that the server has answered to a test. */
  const answers: string[] = []

  before(async () => {
    ;[mosquitto, database, dead] = await Promise.all([
      startMosquitto({ savesEveryChange: false, user: { name: 'pipeline', password: SECRET } }),
      createTestDatabase(),
      freePort(),
    ])
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
      ],
      { MQTT_URL: mosquitto.address },
    )
    await editor.nodeRed.deploy(
      (await editor.nodeRed.flow()).map((entry) =>
        entry.id === 'broker' ? { ...entry, credentials: { password: SECRET } } : entry,
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
    await database?.drop()
  })
  afterEach(async () => {
    editor.assertSound()
    assert.doesNotMatch(answers.join(), new RegExp(SECRET))
    await page.locator('#node-config-dialog-cancel').click()
    await page.locator('#node-config-dialog-cancel').waitFor({ state: 'detached' })
  })

  const open = async (type: string, id: string): Promise<void> => {
    await page.evaluate(`RED.editor.editConfig('', '${type}', '${id}')`)
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
      await page.evaluate(`RED.editor.editConfig('', '${type}', '_ADD_')`)
      await place(type).getByRole('button').waitFor()
      await field('url').fill('${MQTT_URL}')
      await field('user').fill('pipeline')
      await field('password').fill(SECRET)
      const found = await test(type)
      assert.equal(found.get('reached'), '${MQTT_URL} accepts connections.')
      await field('password').fill('${MQTT_URL}')
      assert.deepEqual([...(await test(type)).keys()], ['notDeployed'])
    })
  })
})
