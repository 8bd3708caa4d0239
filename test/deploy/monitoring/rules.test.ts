/** The rules for Prometheus: promtool takes them, each alert is tested, and says what an operator needs. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { MONITORING, promtool } from '../../support/prometheus'
import { readJson } from '../../support/package'

interface Alert {
  readonly alert: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

interface Tested {
  readonly alertname: string
  readonly exp_alerts: readonly object[]
}

const RULES = path.join(MONITORING, 'rules')
const filesIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.yml'))
    .map((file) => path.join(folder, file))
const read = (file: string): unknown => parse(readFileSync(file, 'utf8'))

const alerts = filesIn(RULES)
  .flatMap((file) => (read(file) as { groups: { rules: (Alert | { record: string })[] }[] }).groups)
  .flatMap(({ rules }) => rules)
  .filter((rule) => 'alert' in rule)
const tested = filesIn(path.join(RULES, 'tests'))
  .flatMap((file) => (read(file) as { tests: { alert_rule_test: Tested[] }[] }).tests)
  .flatMap(({ alert_rule_test }) => alert_rule_test)

function runs(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(promtool(), args, { encoding: 'utf8' })
  assert.equal(status, 0, stdout + stderr)
}

describe('the rules for Prometheus', () => {
  it('are loaded by a configuration that promtool takes', () => {
    runs('check', 'config', path.join(MONITORING, 'prometheus.yml'))
    runs('check', 'rules', '--lint=all', '--lint-fatal', ...filesIn(RULES))
  })

  it('pass their tests', () => {
    runs('test', 'rules', ...filesIn(path.join(RULES, 'tests')))
  })

  it('are tested alert by alert, both firing and quiet', () => {
    for (const fires of [true, false]) {
      const names = tested.filter(({ exp_alerts }) => exp_alerts.length > 0 === fires)
      const untested = alerts.filter(({ alert }) => !names.some(({ alertname }) => alertname === alert))
      assert.deepEqual(
        untested.map(({ alert }) => alert),
        [],
        `no test in which it ${fires ? 'fires' : 'is quiet'}`,
      )
    }
  })

  it('have names of their own', () => {
    assert.equal(new Set(alerts.map(({ alert }) => alert)).size, alerts.length)
  })

  for (const { alert, labels, annotations } of alerts) {
    it(`say of ${alert} how urgent it is, what is wrong, and where to read on`, () => {
      assert.deepEqual(Object.keys(labels), ['severity'])
      assert.match(labels['severity'] ?? '', /^(critical|warning)$/)
      assert.deepEqual(Object.keys(annotations).sort(), ['description', 'runbook_url', 'summary'])
      for (const text of ['summary', 'description']) assert.match(annotations[text] ?? '', /\S/, text)
      const { repository } = readJson('package.json') as { repository: { url: string } }
      const home = repository.url.replace(/^git\+|\.git$/g, '')
      assert.equal(annotations['runbook_url'], `${home}/blob/main/docs/runbook.md#${alert.toLowerCase()}`)
    })
  }
})
