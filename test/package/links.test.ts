/** The README stays short; links in it and in docs/ lead somewhere, and the code that they name exists. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { filesIn, nodeTypes, readText, ROOT } from '../support/package'

/** In lines, without those of the table of nodes. */
const LONGEST_README = 112
const CHINESE = 'README.zh-CN.md'
const PAGES = [
  'README.md',
  CHINESE,
  'CONTRIBUTING.md',
  ...filesIn('docs').filter((file) => file.endsWith('.md')),
]
const RELATIVE_LINK = /\]\((?!https?:)([^)#\s]*)(#[^)\s]+)?\)/g

/** The anchors that GitHub gives the headings of a page. */
function anchorsOf(page: string): string[] {
  return [...readText(page).matchAll(/^#+ (.+)$/gm)].map(
    ([, heading = '']) =>
      `#${heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-')}`,
  )
}

/** What two languages have in common: the levels of the headings, commands, names, links, rows of tables. */
function partsOf(file: string): string[] {
  const text = readText(file).replace(/^\[[^\]]+\]\(README[^)]*\)$/m, '')
  return text.match(/^#+ |^    .+$|^[|!-]|`[^`]+`|\]\([^)]+\)/gm) ?? []
}

describe('the README', () => {
  it('has the same headings, commands, names and links in Chinese, and each leads to the other', () => {
    assert.deepEqual(partsOf(CHINESE).sort(), partsOf('README.md').sort())
    assert.match(readText('README.md'), /\(README\.zh-CN\.md\)/)
    assert.match(readText(CHINESE), /\(README\.md\)/)
  })

  it('fits on two screens', () => {
    const lines = readText('README.md').trimEnd().split('\n')
    assert.ok(lines.filter((line) => !line.startsWith('| `tenant-')).length <= LONGEST_README)
  })

  it('lists every node', () => {
    const rows = readText('README.md')
      .split('\n')
      .filter((line) => line.startsWith('| `tenant-'))
    const listed = rows.flatMap((row) =>
      [...row.split('|')[1]!.matchAll(/`([^`]+)`/g)].map(([, type]) => type),
    )
    assert.deepEqual(listed.sort(), [...nodeTypes].sort())
  })

  it('leads to every page in docs/ in one click', () => {
    const linked = [...readText('README.md').matchAll(RELATIVE_LINK)].map(([, file]) => file)
    const pages = filesIn('docs').filter((file) => /^docs\/[^/]+\.md$/.test(file))
    assert.deepEqual(
      pages.filter((page) => !linked.includes(page)),
      [],
    )
  })
})

/** Code that a page names: a path from the root, or the name of a file alone. */
const CODE_PATH = /`((?:src|nodes|editor|dev|bench|test)\/[\w./-]+|[\w-]+(?:\.test)?\.ts)`/g
const CODE = ['src', 'nodes', 'editor', 'dev', 'bench', 'test'].flatMap(filesIn)
const isThere = (name: string): boolean =>
  CODE.some((file) => file === name || file.startsWith(`${name.replace(/\/$/, '')}/`)) ||
  (!name.includes('/') && CODE.some((file) => path.posix.basename(file) === name))

describe('the links', () => {
  for (const page of PAGES) {
    it(`in ${page} lead somewhere`, () => {
      const broken = [...readText(page).matchAll(RELATIVE_LINK)].filter(([, file, anchor]) => {
        const target = file === '' ? page : path.posix.join(path.posix.dirname(page), file!)
        if (!existsSync(path.join(ROOT, target))) return true
        return anchor !== undefined && !anchorsOf(target).includes(anchor)
      })
      assert.deepEqual(
        broken.map(([link]) => link),
        [],
      )
    })

    it(`in ${page} name code that exists`, () => {
      const named = [...readText(page).matchAll(CODE_PATH)].map(([, name]) => name!)
      assert.deepEqual(
        named.filter((name) => !isThere(name)),
        [],
      )
    })
  }
})
