/** The runbook, in both languages, knows each alert, each status and each code of the log, and no others. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { EVENTS } from '../../src/log/events'
import { ENGLISH } from '../../src/status/en-US'
import { CHINESE } from '../../src/status/zh-CN'
import { readText, ROOT } from '../support/package'

const RULES = path.join(ROOT, 'deploy/monitoring/rules')

const alerts = readdirSync(RULES)
  .filter((file) => file.endsWith('.yml'))
  .flatMap((file) => [...readFileSync(path.join(RULES, file), 'utf8').matchAll(/^ +- alert: (\w+)$/gm)])
  .map(([, name = '']) => name)

const PAGES = [
  { page: 'docs/runbook.md', statuses: ENGLISH, chapters: ['Alerts', 'Statuses', 'Log lines'] },
  { page: 'docs/runbook.zh-CN.md', statuses: CHINESE, chapters: ['告警', '状态', '日志'] },
] as const

/** What the page shows for a value within a status. */
const shown = (status: string): string => status.replaceAll(/__\w+?__/g, '…')
const sorted = (texts: Iterable<string>): string[] => [...texts].sort()

for (const { page, statuses, chapters } of PAGES) {
  describe(page, () => {
    const text = readText(page)
    const chapter = (title: string): string => {
      const [, found] = text.split(new RegExp(`^## ${title}$`, 'm'))
      assert.ok(found !== undefined, `no chapter ${title}`)
      return found.split(/^## /m)[0] as string
    }
    /** What stands in backticks in the first cells of the tables. */
    const firstCells = (title: string): string[] =>
      [...chapter(title).matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) =>
        [...cell.matchAll(/`([^`]+)`/g)].map(([, value = '']) => value),
      )

    it('has a heading for each alert, in its chapter', () => {
      const headings = [...chapter(chapters[0]).matchAll(/^### (.+)$/gm)].map(([, heading = '']) => heading)
      assert.deepEqual(sorted(headings), sorted(alerts))
    })

    it('says of each alert what to look at, and what to do', () => {
      const [, ...sections] = chapter(chapters[0]).split(/^### /m)
      for (const section of sections) {
        assert.equal(section.match(/^- \*\*/gm)?.length, 2, section)
        assert.match(section, /^\w+\n\n[^-\s]/, 'what it means')
      }
    })

    it('has each status, and no others', () => {
      assert.deepEqual(
        sorted(new Set(firstCells(chapters[1]))),
        sorted(new Set(Object.values(statuses).map(shown))),
      )
    })

    it('has each code of docs/events.md once, and no others', () => {
      assert.deepEqual(sorted(firstCells(chapters[2])), sorted(Object.keys(EVENTS)))
    })
  })
}
