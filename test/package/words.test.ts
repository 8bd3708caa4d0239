import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { BROKER_CHECKS } from '../../src/mqtt/connect/broker-test'
import { COMMON_CHECKS } from '../../src/runtime/test-route'
import {
  catalogueFile,
  filesIn,
  helpFile,
  nodeTypes,
  readJson,
  readText,
  ROOT,
  templateFile,
} from '../support/package'

/** Codes of the server that the dialogs put into words. */
const CODES: Readonly<Record<string, object>> = {
  'tenant-mqtt-broker': BROKER_CHECKS,
}

/** What the button *Test connection* shows. */
function keysOfTest(type: string): string[] {
  const codes = CODES[type]
  if (codes === undefined) return []
  const shown = ['button', 'running', 'noAnswer', ...Object.keys({ ...COMMON_CHECKS, ...codes })]
  const verdicts = ['ok', 'warning', 'failed', 'unknown']
  return [
    ...shown.map((key) => `${type}.test.${key}`),
    ...verdicts.map((verdict) => `${type}.verdict.${verdict}`),
  ]
}

type Catalogue = { readonly [key: string]: string | Catalogue }

function keysOf(catalogue: Catalogue, prefix = ''): string[] {
  return Object.entries(catalogue).flatMap(([key, value]) =>
    typeof value === 'string' ? [prefix + key] : keysOf(value, `${prefix}${key}.`),
  )
}

/** `[placeholder]a.b;c.d` names two keys. Keys of Node-RED's own catalogue have a prefix with a colon. */
function usedKeys(type: string): string[] {
  const template = readText(templateFile(type))
  const attributes = [...template.matchAll(/data-i18n="([^"]+)"/g)].flatMap(([, value]) =>
    (value as string).split(';').map((part) => part.replace(/^\[[^\]]+\]/, '')),
  )
  const sources = filesIn(`nodes/${type}`).filter((file) => file.endsWith('.ts'))
  const scripts = sources.map(readText).join('\n')
  const calls = [...scripts.matchAll(/\b_\(\s*(['"])([^'"]+)\1/g)].map(([, , key]) => key as string)
  // A key chosen by a condition: both of them stand as whole texts in the script.
  const chosen = [...scripts.matchAll(new RegExp(`(['"])(${type}\\.[A-Za-z0-9_.-]+)\\1`, 'g'))].map(
    ([, , key]) => key as string,
  )
  return [...new Set([...attributes, ...calls, ...chosen, ...keysOfTest(type)])].filter(
    (key) => !key.includes(':') && !key.endsWith('.svg'),
  )
}

const catalogueOf = (type: string): Catalogue => readJson(catalogueFile(type)) as Catalogue

/** Nodes that speak Chinese, too. */
const translated = nodeTypes.filter((type) => existsSync(path.join(ROOT, chinese(catalogueFile(type)))))

function chinese(file: string): string {
  return file.replace('/en-US/', '/zh-CN/')
}

describe('the words of the dialogs', () => {
  for (const type of translated) {
    it(`of ${type} are the same in Chinese, and so are the parts of its help`, () => {
      const words = readJson(chinese(catalogueFile(type))) as Catalogue
      assert.deepEqual(keysOf(words), keysOf(catalogueOf(type)))
      const partsOf = (file: string) => readText(file).match(/^(###.*|<script.*|: \*?[\w, ]+\*? )/gm)
      assert.deepEqual(partsOf(chinese(helpFile(type))), partsOf(helpFile(type)))
    })
  }

  for (const type of nodeTypes) {
    it(`of ${type} are all there`, () => {
      const known = new Set(keysOf(catalogueOf(type)))
      assert.deepEqual(
        usedKeys(type).filter((key) => !known.has(key)),
        [],
      )
    })

    it(`of ${type} are all used`, () => {
      const used = new Set(usedKeys(type))
      assert.deepEqual(
        keysOf(catalogueOf(type)).filter((key) => !used.has(key)),
        [],
      )
    })
  }
})
