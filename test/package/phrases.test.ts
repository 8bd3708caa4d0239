/** What users and contributors read is plain English: phrases that sound translated, and what to write instead. */
import assert from 'node:assert/strict'
import { existsSync, statSync } from 'node:fs'
import path from 'node:path'
import { filesIn, readText, ROOT } from '../support/package'

/** Everything in these places that people read, comments in the code among it. */
const PAGES = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'docs']
const PLACES = [...PAGES, 'src', 'nodes', 'command', 'editor', 'examples', 'dev', 'bench', 'test']
const NOT_OURS = /^test\/node-red-5\/|^test\/package\/phrases/
const READ_BY_PEOPLE = /\.(md|ts)$|\/locales\/en-US\/|^examples\//

const PHRASES: readonly (readonly [RegExp, string])[] = [
  [/\bmend(s|ed|ing)?\b/i, 'fix, repair, correct'],
  [/\bfor ever\b/i, 'indefinitely, until it succeeds, forever'],
  [/\bpass(es|ed|ing)? (it |them )?over\b/i, 'skip, move past'],
  [/\bso (many|much)\b/i, 'N, up to N, this many'],
  [/\b(somebody|someone|nobody|whoever)\b/i, 'the operator, another client, a user; or no subject at all'],
  [/\bshall\b/i, 'should, must'],
  [/\bmay not be asked\b/i, 'you lack permission'],
  [/\b(stand|stands|stood|standing) still\b/i, 'is stalled, is blocked, is down, stops'],
  [/\b(go|goes|went|gone|going) on\b/i, 'resume, continue'],
  [/\bwhat (came|comes|became) of\b/i, 'outcome'],
  [/\baffairs?\b/i, 'concern, job, decision'],
  [/\bin prose\b/i, 'described'],
  [/\bleft-?overs?\b/i, 'orphaned'],
  [/\b(that|this) is so\b(?! \w+ that)/i, 'this is expected; say what is the case'],
  [/\banew\b/i, 'again, from scratch'],
  [/\bto be had\b/i, 'available'],
  [/\btime-outs?\b/i, 'timeout'],
  [/\bfail-overs?\b/i, 'failover'],
  [/\bheart-beats?\b/i, 'heartbeat'],
  [/\bfor want of\b/i, 'because … is missing'],
  [/\bworks? off\b/i, 'drains'],
  [/\bnowhere to be\b/i, 'missing'],
  [/\bin words\b/i, 'plainly; or say what the message contains'],
  [/\b(is|are|was|were) told\b(?! apart)/i, 'the log says, the user sees'],
]

/** The table of events, which is written in `src`: its words are not this page's. */
const QUOTED = /^\| `[A-Z_]+` .*$/gm

function filesOf(place: string): string[] {
  const found = existsSync(path.join(ROOT, place)) && statSync(path.join(ROOT, place)).isFile()
  return found ? [place] : filesIn(place).filter((file) => READ_BY_PEOPLE.test(file) && !NOT_OURS.test(file))
}

describe('plain English', () => {
  for (const file of PLACES.flatMap(filesOf)) {
    it(`in ${file}`, () => {
      const found = readText(file)
        .replaceAll(QUOTED, '')
        .split('\n')
        .flatMap((line, index) =>
          PHRASES.flatMap(([phrase, better]) => {
            const [words] = phrase.exec(line) ?? []
            return words === undefined ? [] : [`line ${index + 1}: "${words}" → ${better}`]
          }),
        )
      assert.deepEqual(found, [])
    })
  }
})
