/** The rows of the benchmark fit together, and the page speaks of rows that exist. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { parseBenchOptions } from '../../bench/options'
import { ROWS } from '../../bench/rows'
import { filesIn, readText, ROOT } from '../support/package'
import path from 'node:path'

const names = ROWS.map(({ name }) => name)

describe('the rows of the benchmark', () => {
  it('have names of their own, and every file of bench/rows is one', () => {
    assert.equal(new Set(names).size, names.length)
    const files = filesIn('bench/rows')
      .map((file) => path.basename(file, '.ts'))
      .sort()
    assert.deepEqual([...names].sort(), files)
  })

  for (const { name, sides, targets, reference } of ROWS) {
    it(`${name}: targets and the reference are about its cases`, () => {
      const cases = sides.map((side) => side.name)
      assert.equal(new Set(cases).size, cases.length)
      const own = sides.flatMap((side) => side.reference ?? [])
      const meant = [
        ...(reference ?? []),
        ...own,
        ...targets.flatMap(({ side, of }) => [side, of?.side ?? side]),
      ]
      assert.deepEqual(
        meant.filter((side) => !cases.includes(side)),
        [],
      )
    })
  }

  it('docs/performance.md names rows that exist, in its table, its list and its commands', () => {
    const page = readText('docs/performance.md')
    const inTable = [...page.matchAll(/^\| [^|]*\(`([\w-]+)`\) \|/gm)].map(([, name]) => name!)
    const inList = [...page.matchAll(/^- \*\*[^*]+\*\* \(`([\w-]+)`\):/gm)].map(([, name]) => name!)
    const only = [...page.matchAll(/--only (\S+)/g)].flatMap(([, list]) => list!.split(','))
    assert.deepEqual(
      [...inTable, ...only].filter((name) => !names.includes(name)),
      [],
    )
    assert.deepEqual(inList, names)
  })

  it('the chart exists and is an SVG', () => {
    assert.match(readFileSync(path.join(ROOT, 'docs/images/performance.svg'), 'utf8'), /^<svg [^]*<\/svg>\n$/)
  })
})

describe('the options of npm run bench', () => {
  it('choose rows, in the order of the table', () => {
    const [first, second] = names
    assert.deepEqual(
      parseBenchOptions(['--only', `${second}, ${first}`], ROWS).rows.map(({ name }) => name),
      [first, second],
    )
    assert.equal(parseBenchOptions([], ROWS).rows, ROWS)
  })

  for (const [args, says] of [
    [['--only', 'nonsense'], /there is no row "nonsense"\. Rows: mqtt-drain, /],
    [['--fast'], /--fast/],
    [['quick'], /quick/],
    [['--json'], /--json/],
    [['--rounds', '0'], /--rounds is "0"; expected a whole number from 1 to 50/],
    [['--rounds', 'many'], /--rounds/],
  ] as const) {
    it(`${args.join(' ')} is refused, and the error says what there is`, () => {
      assert.throws(() => parseBenchOptions(args, ROWS), says)
    })
  }
})
