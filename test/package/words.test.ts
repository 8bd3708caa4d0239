import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { unitNames } from '../../editor/quantity'
import { CLUSTER_CHECKS } from '../../src/kafka/cluster-test'
import { BROKER_CHECKS } from '../../src/mqtt/connect/broker-test'
import { SERVER_CHECKS } from '../../src/postgres/connect/server-test'
import { COMMON_CHECKS } from '../../src/runtime/common-checks'
import { EXPECTED } from '../../src/config/expected'
import {
  catalogueFile,
  chineseFile,
  chineseHelpFile,
  filesIn,
  helpFile,
  nodeTypes,
  optionsOf,
  readJson,
  readText,
  ROOT,
  templateFile,
  type Catalogue,
} from '../support/package'

/** Codes of the server that the dialogs put into words. */
const CODES: Readonly<Record<string, object>> = {
  'tenant-kafka-cluster': CLUSTER_CHECKS,
  'tenant-mqtt-broker': BROKER_CHECKS,
  'tenant-postgres': SERVER_CHECKS,
}

/** What the button *Test connection* shows. */
function keysOfTest(type: string): string[] {
  const codes = CODES[type]
  if (codes === undefined) return []
  const common = ['button', 'running', 'noResponse', ...Object.keys(COMMON_CHECKS)]
  const own = Object.keys(codes).filter((code) => !Object.hasOwn(COMMON_CHECKS, code))
  const verdicts = ['ok', 'warning', 'failed', 'unknown']
  return [
    ...common.map((key) => `shared.test.${key}`),
    ...own.map((key) => `${type}.test.${key}`),
    ...verdicts.map((verdict) => `shared.verdict.${verdict}`),
  ]
}

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
  const chosen = [
    ...scripts.matchAll(new RegExp(`(['"])((?:${type}|shared)\\.[A-Za-z0-9_.-]+)\\1`, 'g')),
  ].map(([, , key]) => key as string)
  return [...new Set([...attributes, ...calls, ...chosen, ...keysOfTest(type)])].filter(
    (key) => !key.includes(':') && !key.endsWith('.svg'),
  )
}

/** What all dialogs share: the build adds it to the catalogue of each node, with what the options expect. */
const sharedFile = (language: string): string => `editor/locales/${language}/shared.json`
const expected: readonly string[] = Object.keys(EXPECTED)
const shared = [
  ...keysOf(readJson(sharedFile('en-US')) as Catalogue),
  ...expected.map((key) => `shared.expected.${key}`),
]

const catalogueOf = (type: string): Catalogue => readJson(catalogueFile(type)) as Catalogue

/** Of the help: its headings, and what it says of properties. */
const HEADINGS: Readonly<Record<string, string>> = { 输入: 'Inputs', 输出: 'Outputs', 详细: 'Details' }
function partsOf(file: string): string[] {
  const parts = readText(file).match(/^(###.*|<script.*|: \*?[\w., ]+\*? )/gm) ?? []
  return parts.map((part) =>
    part.replace(/^(### )(.+)$/, (_, mark: string, name: string) => mark + (HEADINGS[name] ?? name)),
  )
}

describe('the words of the dialogs', () => {
  for (const type of nodeTypes) {
    it(`of ${type} are the same in Chinese: a new one goes into locales/en-US and locales/zh-CN`, () => {
      const file = chineseFile(type)
      assert.ok(existsSync(path.join(ROOT, file)), `${file} is missing`)
      const english = keysOf(catalogueOf(type))
      const chinese = keysOf(readJson(file) as Catalogue)
      assert.deepEqual(
        english.filter((key) => !chinese.includes(key)),
        [],
        `translate these into ${file}`,
      )
      assert.deepEqual(
        chinese.filter((key) => !english.includes(key)),
        [],
        `remove these from ${file}`,
      )
    })

    it(`of ${type} have a help in Chinese, with the same parts`, () => {
      assert.deepEqual(partsOf(chineseHelpFile(type)), partsOf(helpFile(type)))
    })
  }

  for (const type of nodeTypes) {
    it(`of ${type} are all there`, () => {
      const known = new Set([...keysOf(catalogueOf(type)), ...shared])
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

  it('that they share are all used, and the same in Chinese', () => {
    const scripts = filesIn('editor').filter((file) => file.endsWith('.ts'))
    const texts = scripts.map(readText).join('\n')
    const options = nodeTypes.flatMap((type) => Object.values(optionsOf(type)))
    const used = new Set([
      // Where Node-RED looks for the name of a category.
      'palette.label.tenant_pipeline',
      ...nodeTypes.flatMap(usedKeys),
      ...[...texts.matchAll(/'(shared\.[A-Za-z0-9_.-]+)'/g)].map(([, key]) => key),
      ...options.flatMap((option) => (option.kind === 'integer' ? [`shared.unit.${option.unit}`] : [])),
      ...options.flatMap(unitNames).map((name) => `shared.unit.${name}`),
      ...options.flatMap((option) => (option.kind === 'text' ? [`shared.expected.${option.expects}`] : [])),
    ])
    assert.deepEqual(
      shared.filter((key) => !used.has(key)),
      [],
    )
    assert.deepEqual(keysOf(readJson(sharedFile('zh-CN')) as Catalogue).sort(), [...shared].sort())
    const units = options.flatMap((option) =>
      option.kind === 'integer' && option.unit !== '' ? [option.unit] : [],
    )
    assert.deepEqual(
      units.filter((unit) => !shared.includes(`shared.unit.${unit}`)),
      [],
    )
  })
})

describe('the words of the sidebar', () => {
  const catalogueIn = (language: string): string[] =>
    keysOf(readJson(`plugins/tenant-pipeline/locales/${language}/tenant-pipeline.json`) as Catalogue)
  const english = catalogueIn('en-US')
  const texts = filesIn('plugins')
    .filter((file) => file.endsWith('.ts'))
    .map(readText)
    .join('\n')
  /** `sidebar.total.` of a key whose end is computed. */
  const used = [...texts.matchAll(/['`](sidebar\.[A-Za-z]+[A-Za-z.]*)/g)].map(([, key]) => key as string)

  it('are the same in Chinese', () => {
    assert.deepEqual(catalogueIn('zh-CN'), english)
  })

  it('are all there, and all used', () => {
    const isUsed = (key: string): boolean =>
      used.some((each) => each === key || (each.endsWith('.') && key.startsWith(each)))
    assert.deepEqual(
      english.filter((key) => !isUsed(key)),
      [],
    )
    assert.deepEqual(
      used.filter((each) => !each.endsWith('.') && !english.includes(each)),
      [],
    )
  })
})
