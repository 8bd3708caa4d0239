/** What operations build on stands in the docs: every metric, and every setting of the plugin. */
import assert from 'node:assert/strict'
import type { Option } from '../../src/config/options'
import { METRICS, type Metric } from '../../src/watch/metrics'
import { BUILD_INFO } from '../../src/watch/scrape'
import { variableOf, WATCH_OPTIONS } from '../../src/watch/settings'
import { readText } from '../support/package'

const rowsOf = (page: string, start: RegExp): string[] =>
  readText(page)
    .split('\n')
    .filter((line) => start.test(line))

describe('docs for operations', () => {
  it('list each metric with type, labels and help, in the words of the page', () => {
    const rows = Object.entries<Metric>(METRICS).map(([name, { type, label, help }]) => {
      const labels = ['node', ...(label === undefined ? [] : [label])].map((each) => `\`${each}\``)
      return `| \`${name}\` | ${type} | ${labels.join(', ')} | ${help} |`
    })
    const documented = rowsOf('docs/metrics.md', /^\| `[a-z_]+` \|/)
    assert.deepEqual(
      documented.filter((row) => !row.startsWith(`| \`${BUILD_INFO}\``)),
      rows,
    )
    assert.equal(documented.length, rows.length + 1, `and ${BUILD_INFO}`)
  })

  it('list each setting with its variable and its default', () => {
    const rows = Object.entries<Option>(WATCH_OPTIONS).map(
      ([name, option]) => `| \`${name}\` | \`${variableOf(name)}\` | \`${String(option.default)}\` |`,
    )
    const documented = rowsOf('docs/operations.md', /^\| `[a-zA-Z]+` \| `TENANT_PIPELINE_/)
    assert.deepEqual(
      documented.map((row) => row.split('|').slice(0, 4).join('|') + '|'),
      rows,
    )
  })
})
