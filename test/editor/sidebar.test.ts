/** The sidebar in a real browser, on both versions of Node-RED, over a pipeline that runs. */
import assert from 'node:assert/strict'
import type { Locator, Page } from 'playwright-core'
import type { NodeRedVersion } from '../../dev/node-red/runtime'
import { openSidebar } from '../../dev/sidebar'
import { fresh, picture, TestEditor } from '../support/editor'
import { HTML_NAME, startSidebarServices, type SidebarServices } from '../support/sidebar-flow'
import { paleTexts } from '../support/pale-texts'
import { until } from '../support/until'

const VERSIONS: readonly NodeRedVersion[] = ['4.1', '5']

const row = (page: Page, id: string): Locator => page.locator(`.tenant-pipeline-node[data-node="${id}"]`)
const part = (page: Page, id: string, name: string): Promise<string> =>
  row(page, id).locator(`.tenant-pipeline-${name}`).innerText()
const total = (page: Page, name: string): Locator =>
  page.locator(`.tenant-pipeline-totals [data-total="${name}"]`)
const press = (page: Page, id: string, action: string): Promise<void> =>
  row(page, id).locator(`[data-action="${action}"]`).click()
const answer = (page: Page, text: string): Promise<void> =>
  page.locator('.red-ui-notification').getByRole('button', { name: text, exact: true }).click()
const shownIds = (page: Page): Promise<string[]> =>
  page.evaluate(`[...document.querySelectorAll('.tenant-pipeline-node')].map((row) => row.dataset.node)`)

/** Runs in the page. @returns whether the chart shows the colour of the rows */
const HAS_LINES = `(() => {
  const canvas = document.querySelector('.tenant-pipeline-chart canvas')
  if (canvas === null) return false
  const colour = getComputedStyle(canvas).getPropertyValue('--tenant-pipeline-stored')
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.trim().slice(at, at + 2), 16))
  const { width, height } = canvas
  const copy = Object.assign(document.createElement('canvas'), { width, height }).getContext('2d', { willReadFrequently: true })
  copy.drawImage(canvas, 0, 0)
  const { data } = copy.getImageData(0, 0, width, height)
  for (let at = 0; at < data.length; at += 4)
    if (data[at] === red && data[at + 1] === green && data[at + 2] === blue && data[at + 3] === 255) return true
  return false
})()`

/** Whose colour is looked at. */
const TEXTS =
  'dt, dd, button, .tenant-pipeline-rate, .tenant-pipeline-state, .tenant-pipeline-numbers, .form-tips, .tenant-pipeline-news span'

/** Runs in the page. @returns what sticks out of the sidebar, or is cut; long names of nodes are, on purpose */
const FAULTS = `(sidebar) => {
  const edge = sidebar.getBoundingClientRect()
  return [...sidebar.querySelectorAll('*')].flatMap((element) => {
    const box = element.getBoundingClientRect()
    const name = element.className + ' ' + element.textContent.trim().slice(0, 60)
    if (box.width === 0 || element.matches('.tenant-pipeline-name, .tenant-pipeline-flow')) return []
    if (box.right > edge.right + 1 || box.left < edge.left - 1) return ['sticks out: ' + name]
    return element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0 ? ['is cut: ' + name] : []
  })
}`

/** The number of a rate: 1,240 of "1,240/s". */
const rateOf = (text: string): number => Number(/^[\d,.]+/.exec(text)?.[0].replaceAll(',', '') ?? 0)

for (const version of VERSIONS) {
  describe(`the sidebar in Node-RED ${version}`, function () {
    this.timeout(240_000)
    let services: SidebarServices
    let editor: TestEditor
    let page: Page

    before(async () => {
      services = await startSidebarServices()
      editor = await TestEditor.start(services.flow, services.env, version)
      const green = (id: string): boolean => editor.nodeRed.statuses.get(id)?.fill === 'green'
      await until('the pipeline runs', () => ['source', 'producer', 'consumer', 'sink'].every(green))
      page = await editor.open()
      await openSidebar(page)
    })
    after(async () => {
      await editor?.stop()
      await services?.stop()
    })

    it('has a row for each node of the flow, in the order in which records meet them, and no HTML of a name', async () => {
      await row(page, 'source').waitFor()
      assert.deepEqual(await shownIds(page), [
        'source',
        'topic',
        'producer',
        'consumer',
        'stopped',
        'sink',
        'repaired',
        'letters',
        'instance-inner',
      ])
      assert.deepEqual(await page.locator('.tenant-pipeline-flow:not(:empty)').allTextContents(), [
        'Plant north',
        'Repair',
        'Topics of a plant',
      ])
      assert.equal(await part(page, 'source', 'name'), HTML_NAME)
      assert.equal(await part(page, 'topic', 'state'), 'ready')
      assert.equal(await row(page, 'stopped').getAttribute('data-fill'), 'red')
      assert.match(await part(page, 'stopped', 'numbers'), /stopped partitions 1/)
    })

    it('shows rates, totals and the last ten minutes while messages pass', async () => {
      let published = 0
      let isEnough = false
      const traffic = (async () => {
        while (!isEnough && published < 100_000) {
          const texts = Array.from({ length: 20 }, () => `{"value":${published++}}`)
          await services.publish(texts)
        }
      })()
      try {
        for (const [id, stage] of [
          ['source', 'received'],
          ['producer', 'produced'],
          ['consumer', 'consumed'],
          ['sink', 'stored'],
        ] as const) {
          await until(
            () => `${id} and its total have a rate`,
            async () =>
              rateOf(await part(page, id, 'rate')) > 0 && rateOf(await total(page, stage).innerText()) > 0,
          )
        }
        await until('the chart has lines', () => page.evaluate<boolean>(HAS_LINES))
        assert.equal(await part(page, 'sink', 'state'), 'running')
        await picture(page, `sidebar-${version}`)
      } finally {
        isEnough = true
        await traffic
      }
      await until('all is stored', async () => (await services.rows()) === published)
    })

    it('selects a node that is clicked, also from another flow, and one inside a subflow', async () => {
      await page.evaluate(`RED.workspaces.show(RED.workspaces.add(undefined, true).id)`)
      await row(page, 'sink').locator('.tenant-pipeline-state').click()
      const selected = (): Promise<string> =>
        page.evaluate(`RED.view.selection().nodes?.map(({ id }) => id).join()`)
      assert.equal(await selected(), 'sink')
      assert.equal(await page.evaluate('RED.workspaces.active()'), 'tab')
      await row(page, 'producer').locator('button.tenant-pipeline-name').press('Enter')
      assert.equal(await selected(), 'producer')
      await row(page, 'instance-inner').locator('.tenant-pipeline-state').click()
      assert.equal(await selected(), 'inner')
      assert.equal(await page.evaluate('RED.workspaces.active()'), 'subflow')
    })

    it('shows and adds up only what the filter finds', async () => {
      const filter = page.locator('.tenant-pipeline-filter input')
      await filter.fill('Reader')
      await until('two are left', async () => (await shownIds(page)).join() === 'consumer,stopped')
      assert.equal(await total(page, 'received').isVisible(), false)
      await filter.fill('no such node')
      await page.getByText('No node matches the filter.').waitFor()
      await filter.fill('')
      await until('all are back', async () => (await shownIds(page)).length === 9)
    })

    it('pauses a source after a question, and resumes it', async () => {
      const before = await services.rows()
      await press(page, 'source', 'pause')
      await page.locator('.red-ui-notification', { hasText: HTML_NAME }).waitFor()
      await picture(page, `sidebar-${version}-pause`)
      await answer(page, 'Cancel')
      await page.locator('.red-ui-notification').waitFor({ state: 'detached' })
      assert.equal(await row(page, 'source').locator('[data-action="pause"]').count(), 1)
      await press(page, 'source', 'pause')
      await answer(page, 'Pause')
      await until('it is paused', async () => (await part(page, 'source', 'state')) === 'paused')
      await services.publish(['{"value":1}', '{"value":2}'])
      await press(page, 'source', 'resume')
      await until('both are stored', async () => (await services.rows()) === before + 2)
      await until('it runs', async () => (await part(page, 'source', 'state')) === 'running')

      await press(page, 'consumer', 'pause')
      await page.locator('.red-ui-notification', { hasText: 'Kafka keeps the records' }).waitFor()
      await answer(page, 'Pause')
      await until('it is paused', async () => (await part(page, 'consumer', 'state')) === 'paused')
      await press(page, 'consumer', 'resume')
      await until('it runs', async () => (await part(page, 'consumer', 'state')) === 'running')
    })

    for (const language of ['en-US', 'zh-CN']) {
      it(`is whole and can be read at 200 px, in each theme and in ${language}`, async () => {
        const narrow = await editor.open('.red-ui-flow-node', language)
        await openSidebar(narrow)
        const sidebar = narrow.locator('.tenant-pipeline-sidebar')
        await row(narrow, 'stopped').waitFor()
        await press(narrow, 'stopped', 'release')
        await row(narrow, 'stopped').locator('input').waitFor()
        await narrow.evaluate(`$('.tenant-pipeline-sidebar')
          .css({ position: 'fixed', zIndex: 99, left: 0, top: 0, width: 200, height: 1200 })`)
        await until(
          'the chart is as wide',
          async () => (await narrow.locator('.uplot').boundingBox())?.width === 192,
        )
        const faults: string[] = []
        for (const theme of version === '5' ? ['light', 'dark'] : ['light']) {
          await narrow.evaluate(
            `document.documentElement.classList.toggle('nr-theme-dark', ${theme === 'dark'})`,
          )
          // The chart is drawn in the colours of the theme with the next answer.
          for (let time = 0; time < 2; time++) await narrow.waitForResponse(/tenant-pipeline\/nodes/)
          await picture(sidebar, `sidebar-${version}-${language}-${theme}`)
          const inSidebar = (script: string): Promise<string[]> =>
            narrow.evaluate(`(${script})($('.tenant-pipeline-sidebar')[0])`)
          faults.push(...(await inSidebar(FAULTS)).map((fault) => `${theme}: ${fault}`))
          faults.push(
            ...(await inSidebar(paleTexts(TEXTS))).map((text) => `pale in the ${theme} theme: ${text}`),
          )
        }
        assert.deepEqual(faults, [])
        if (language === 'zh-CN') {
          const texts = (await sidebar.innerText()).split('\n')
          const keys = texts.filter((text) => /^(sidebar|status)\./.test(text))
          assert.deepEqual(keys, [])
          assert.equal(await part(narrow, 'sink', 'state'), '运行中')
          assert.match(await part(narrow, 'source', 'numbers'), /^\d+ 条处理中$/)
        }
        await narrow.close()
      })
    }

    it('releases a stopped partition where the operator says', async () => {
      await press(page, 'stopped', 'release')
      const news = row(page, 'stopped').locator('.tenant-pipeline-news')
      const offset = news.locator('input')
      await offset.waitFor()
      assert.equal(await offset.inputValue(), '7')
      await picture(page, `sidebar-${version}-release`)
      await news.getByRole('button').click()
      await answer(page, 'Resume')
      await until('nothing is stopped', async () => !/stopped/.test(await part(page, 'stopped', 'numbers')))
      await until('it runs', async () => (await part(page, 'stopped', 'state')) === 'running')
      assert.equal(await row(page, 'stopped').locator('[data-action="release"]').count(), 0)
    })

    it('replays dead letters after a question that says how many', async () => {
      await press(page, 'letters', 'replay')
      await row(page, 'letters').getByText('finds no dead letters that wait').waitFor()
      await services.publish(['no JSON', 'nor this'])
      await until('there are two', async () => /dead letters 2/.test(await part(page, 'sink', 'numbers')))
      assert.equal(await total(page, 'deadLetters').innerText(), '2')
      await press(page, 'letters', 'replay')
      await page.locator('.red-ui-notification', { hasText: 'up to 2 dead letters' }).waitFor()
      await answer(page, 'Replay')
      await until('both are replayed', async () => (await part(page, 'letters', 'state')) === '2 replayed')
      const [found] = await services.database.query<{ count: number }>(
        'select count(*)::int as count from iot_repaired',
      )
      assert.equal(found?.count, 2)
    })

    it('says why something was refused', async () => {
      await page.route('**/tenant-mqtt-source/source/pause', (route) =>
        route.fulfill({ status: 409, json: { message: 'this <b>node</b> does not run' } }),
      )
      await press(page, 'source', 'pause')
      await answer(page, 'Pause')
      await row(page, 'source').getByText('this <b>node</b> does not run').waitFor()
    })

    it('asks once a second while it is seen, and never while it is not', async () => {
      const watcher = await editor.open()
      await watcher.clock.install()
      await watcher.reload()
      await watcher.waitForSelector('.red-ui-flow-node')
      let asked = 0
      watcher.on('request', (request) => {
        if (request.url().includes('/tenant-pipeline/nodes')) asked++
      })
      const answers = watcher.waitForResponse(/tenant-pipeline\/nodes/)
      await openSidebar(watcher)
      await answers
      const untilAnswered = (): Promise<void> =>
        until('what was asked is answered', () => watcher.evaluate<boolean>('jQuery.active === 0'))
      // Each second has its answer before the next begins.
      const seconds = async (count: number): Promise<void> => {
        for (let second = 0; second < count; second++) {
          await watcher.clock.runFor(1000)
          await untilAnswered()
        }
      }
      await untilAnswered()
      asked = 0
      await seconds(3)
      assert.equal(asked, 3)
      await watcher.evaluate(`RED.sidebar.show('info')`)
      asked = 0
      await watcher.clock.runFor(10_000)
      assert.equal(asked, 0, 'another tab is shown')
      await openSidebar(watcher)
      await watcher.evaluate(
        `Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true })`,
      )
      await untilAnswered()
      asked = 0
      await watcher.clock.runFor(10_000)
      assert.equal(asked, 0, 'the page is hidden')
      await watcher.evaluate(`delete document.visibilityState`)
      await seconds(1)
      assert.equal(asked, 1, 'the page is seen again')
      await watcher.close()
    })
  })
}

describe('the sidebar of a user who may only read', function () {
  this.timeout(120_000)
  let editor: TestEditor
  before(async () => {
    const place = { z: 'tab', x: 200, y: 100 }
    editor = await TestEditor.start(
      [
        { id: 'tab', type: 'tab', label: 'Flow 1' },
        fresh('tenant-mqtt-broker', { id: 'broker', url: '127.0.0.1:1', clientId: 'read-only' }),
        fresh('tenant-mqtt-source', { ...place, id: 'source', broker: 'broker', wires: [['debug'], []] }),
        { ...place, id: 'debug', type: 'debug', wires: [] },
      ],
      { NODE_RED_PERMISSIONS: 'read' },
    )
  })
  after(() => editor?.stop())

  it('shows the numbers and no action, and the routes refuse', async () => {
    const page = await editor.open()
    await openSidebar(page)
    await row(page, 'source').waitFor()
    assert.equal(await page.locator('.tenant-pipeline-actions button').count(), 0)
    for (const path of ['tenant-mqtt-source/source/pause', 'tenant-mqtt-source/source/resume']) {
      const { status } = await fetch(`${editor.nodeRed.editorUrl}/${path}`, { method: 'POST' })
      assert.equal(status, 401, path)
    }
    for (const path of ['tenant-pipeline/nodes', 'tenant-mqtt-source/source/pause']) {
      const { status } = await fetch(`${editor.nodeRed.editorUrl}/${path}`, {
        method: path.includes('pause') ? 'GET' : 'POST',
      })
      assert.notEqual(status, 200, `${path} by another method`)
    }
  })
})
