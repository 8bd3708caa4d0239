import assert from 'node:assert/strict'
import { chartOf } from '../../bench/report/chart'
import type { Figures } from '../../bench/report/figures'
import { judge } from '../../bench/report/judge'
import { measuredText, pageWith, parseRun, withEarlier } from '../../bench/report/page'
import { tableOf } from '../../bench/report/table'
import type { Row, RowResult, SideResult } from '../../bench/row'

const side = (name: string, figures: Figures, peer = false): SideResult => ({
  name,
  peer,
  figures,
  rounds: [figures],
})
const ours = side('ours', { rate: 1200, cpuEach: 12.34, rss: 200 })
const peer = side('peer & more', { rate: 1000, rss: 160 }, true)
const row: Row = {
  name: 'drain',
  title: '1 Drain',
  measures: 'how fast',
  sides: [{ name: 'ours' }, { name: 'peer & more', peer: true }],
  reference: ['not there', 'peer & more'],
  targets: [
    { side: 'ours', figure: 'rate', atLeast: 1.25, of: { side: 'peer & more', as: 'ratio' } },
    { side: 'ours', figure: 'cpuEach', atMost: 20 },
    { side: 'ours', figure: 'rate', atLeast: 1, of: { side: 'not there', as: 'ratio' } },
  ],
  open: () => Promise.reject(new Error('never')),
}
const calm = { medianMs: 40, spread: 1.05, inUse: 0.02 }
const result: RowResult = { name: 'drain', rounds: 5, quick: false, sides: [ours, peer], machine: calm }
const run = {
  date: '2026-11-30',
  machine: '2 processors',
  versions: ['Node.js 24'],
  quick: false,
  results: [result],
}
const PAGE = `before\n<!-- measured by npm run bench; do not edit -->\nold\n<!-- end of what was measured -->\nafter\n`

describe('the targets of the benchmark', () => {
  const { figures } = ours
  for (const [target, held, measured] of [
    [{ figure: 'rate', atLeast: 1.2, of: { side: peer.name, as: 'ratio' } }, true, '1.20'],
    [{ figure: 'rate', atLeast: 1.21, of: { side: peer.name, as: 'ratio' } }, false, '1.20'],
    [{ figure: 'rss', atMost: 40, of: { side: peer.name, as: 'difference' } }, true, '40'],
    [{ figure: 'rss', atMost: 39, of: { side: peer.name, as: 'difference' } }, false, '40'],
    [{ figure: 'cpuEach', atMost: 12 }, false, '12.3'],
    [{ figure: 'rate', atLeast: 1, of: { side: 'missing', as: 'ratio' } }, undefined, '–'],
    [{ figure: 'lag', atMost: 1 }, undefined, '–'],
  ] as const) {
    it(`${JSON.stringify(target)} of ${JSON.stringify(figures)}: ${held}`, () => {
      const verdict = judge({ side: 'ours', ...target }, [ours, peer])
      assert.equal(verdict.held, held)
      assert.equal(verdict.measured, measured)
    })
  }
})

describe('the table of the benchmark', () => {
  it('has a line for each case, with ratios and what should be reached', () => {
    const [, , first, second, note] = tableOf([row], [result]).split('\n')
    assert.match(first!, /^\| 1 Drain \(`drain`\) \| ours \| 1,200 \| 1\.20 × peer & more \| 12\.3 \| 200 \|/)
    assert.match(first!, /rate ≥ 1\.25 × peer & more<br>CPU each ≤ 20 µs/)
    assert.match(first!, /\*\*not held\*\* \(1\.20\)<br>held \(12\.3\)<br>not measured \|$/)
    assert.match(second!, /^\| {2}\| \*peer & more\* \| 1,000 \| {2}\|/)
    assert.match(note!, /medians of 5 rounds; quiet machine/)
  })

  it('shows how far the rounds were apart', () => {
    const rounds = [{ rate: 900 }, { rate: 1500 }, { rate: 1200 }]
    const table = tableOf([row], [{ ...result, sides: [{ ...ours, rounds }] }])
    assert.match(table, /1,200 \(900 to 1,500\)/)
  })

  it('shows latencies as one, and what has no column of its own', () => {
    const figures = { ackP50: 1, ackP95: 2, ackP99: 3, ackP999: 4, cpuKafka: 12, transactions: 60 }
    const table = tableOf([row], [{ ...result, sides: [side('ours', figures)] }])
    const shown =
      'acknowledged p50 · p95 · p99 · p99.9: 1.0 · 2.0 · 3.0 · 4.0 ms; Kafka 12.0 % of a core; transactions 60/s'
    assert.ok(table.includes(shown), table)
  })

  it('says that the machine was busy, that the run was a quick one, and why a case or a row is missing', () => {
    const missing = { ...side('peer & more', {}, true), missing: 'no Telegraf' }
    const bad = { ...result, quick: true, rounds: 1, machine: { ...calm, spread: 2 }, sides: [ours, missing] }
    const table = tableOf([row], [{ ...bad, failed: 'stalled at 3 of 4\nlog' }])
    assert.match(table, /\*1 round, few messages \(--quick\); THE MACHINE WAS BUSY/)
    assert.match(table, /\| no Telegraf \|/)
    assert.match(table, /\*\*failed\*\*: stalled at 3 of 4 \|/)
  })

  it('has the same number of cells in every line', () => {
    const lines = tableOf([row], [{ ...result, failed: 'a | b' }]).split('\n')
    const cells = lines.map((line) => line.replaceAll('\\|', '').split('|').length)
    assert.deepEqual([...new Set(cells)], [11])
  })
})

describe('the page of the benchmark', () => {
  it('keeps what stands around the measured part', () => {
    const page = pageWith(PAGE, measuredText([row], run), false)!
    assert.match(page, /^before\n/)
    assert.match(page, /\nafter\n$/)
    assert.doesNotMatch(page, /old/)
    assert.match(page, /2026-11-30, 2 processors; Node\.js 24\./)
    assert.match(page, /\*\*1 Drain\*\* \(`drain`\): how fast/)
    assert.equal(pageWith(page, measuredText([row], run), false), page)
  })

  it('a quick run says so, and does not replace a whole one', () => {
    const quick = measuredText([row], { ...run, quick: true })
    assert.match(quick, /A quick look/)
    const first = pageWith(PAGE, quick, true)!
    assert.ok(first.includes('A quick look'))
    const whole = pageWith(first, measuredText([row], run), false)!
    assert.equal(pageWith(whole, quick, true), undefined)
  })

  it('takes rows that were not measured from earlier runs, and is a quick look if one of them was', () => {
    const again = { ...result, rounds: 3 }
    const other = { ...result, name: 'other', quick: true }
    const earlier = { ...run, quick: true, versions: ['Node.js 24', 'Kafka 4'], results: [result, other] }
    const whole = withEarlier({ ...run, results: [again] }, [earlier])
    assert.deepEqual(whole.results, [again, other])
    assert.deepEqual(whole.versions, ['Node.js 24', 'Kafka 4'])
    assert.equal(whole.quick, true)
    assert.deepEqual(withEarlier(run, []), run)
  })

  it('reads what --json has written, also a figure that a peer does not have', () => {
    const written = { ...run, results: [{ ...result, sides: [side('peer', { rate: 1, loopP99: NaN })] }] }
    const read = parseRun(JSON.stringify(written))
    assert.deepEqual(read, written)
    assert.equal(measuredText([row], read), measuredText([row], written))
  })

  it('needs its markers', () => {
    assert.throws(() => pageWith('no markers', '', false), /needs the lines/)
  })
})

describe('the chart of the benchmark', () => {
  const chart = chartOf([result], 'then & there', [{ row: 'drain', title: 'a < b' }])

  it('has a bar for each case, as long as its rate', () => {
    const widths = [...chart.matchAll(/<rect class="(\w+)".* width="(\d+)"/g)].map(([, who, width]) => [
      who,
      Number(width),
    ])
    assert.equal(widths.length, 2)
    assert.deepEqual(
      widths.map(([who]) => who),
      ['ours', 'peer'],
    )
    assert.ok(Math.abs(Number(widths[0]![1]) / Number(widths[1]![1]) - 1.2) < 0.01)
  })

  it('is well-formed whatever the names contain, and leaves out what was not measured', () => {
    assert.match(chart, /peer &#38; more/)
    assert.match(chart, /a &#60; b/)
    assert.match(chart, /then &#38; there/)
    assert.equal(
      chart.match(/<(text|rect|svg|style)\b/g)!.length,
      chart.match(/<\/(text|svg|style)>|\/>/g)!.length,
    )
    assert.doesNotMatch(
      chartOf([{ ...result, sides: [side('nothing', {})] }], '', [{ row: 'drain', title: 'x' }]),
      /<rect/,
    )
  })
})
