/** The package as Node-RED and its users see it: manifest, files, and what a node's editor script registers. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import vm from 'node:vm'
import type { OptionTable } from '../../src/config/options'

export const ROOT = path.resolve(__dirname, '../..')

export interface Manifest {
  readonly name: string
  readonly license: string
  readonly repository: unknown
  readonly keywords: readonly string[]
  readonly engines: { readonly node: string }
  readonly dependencies: Readonly<Record<string, string>>
  readonly 'node-red': {
    readonly version: string
    readonly nodes: Readonly<Record<string, string>>
    readonly plugins: Readonly<Record<string, string>>
  }
}

export const readText = (file: string): string => readFileSync(path.resolve(ROOT, file), 'utf8')
export const readJson = (file: string): unknown => JSON.parse(readText(file))

export const manifest = readJson('package.json') as Manifest
export const nodeTypes = Object.keys(manifest['node-red'].nodes)

/** All files below a folder, as absolute paths. */
export function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort()
}

/** All files below a folder of the package, as paths from the root with `/`. */
export function filesIn(folder: string): string[] {
  return filesOf(path.join(ROOT, folder)).map((file) => path.relative(ROOT, file).split(path.sep).join('/'))
}

/** The flows of Import → Examples, by file name. */
export function exampleFiles(): string[] {
  return filesIn('examples').filter((file) => file.endsWith('.json'))
}

export const templateFile = (type: string): string => `nodes/${type}/${type}.html`
export const catalogueFile = (type: string): string => `nodes/${type}/locales/en-US/${type}.json`
export const helpFile = (type: string): string => `nodes/${type}/locales/en-US/${type}.html`
export const chineseFile = (type: string): string => inChinese(catalogueFile(type))
export const chineseHelpFile = (type: string): string => inChinese(helpFile(type))

function inChinese(file: string): string {
  return file.replace('/en-US/', '/zh-CN/')
}

/** The words of a node in one language. */
export type Catalogue = { readonly [key: string]: string | Catalogue }

/** The option table of a node. */
export function optionsOf(type: string): OptionTable {
  const file = path.join(ROOT, 'nodes', type, 'options.ts')
  const { options } = createRequire(__filename)(file) as { options: OptionTable }
  return options
}

/** The registration of a node, as its template has it. */
export function registrationScript(type: string): string {
  const scripts = readText(templateFile(type)).matchAll(
    /<script type="text\/javascript">([\s\S]*?)<\/script>/g,
  )
  return [...scripts].map(([, script]) => script).join('\n')
}

/** The sources of a node's dialog, apart from the parts that dialogs share. */
export function dialogSources(type: string): string[] {
  return filesIn(`nodes/${type}`).filter((file) => /^nodes\/[^/]+\/editor(\/.*)?\.ts$/.test(file))
}

export interface EditorDefault {
  /** Of a new node. */
  readonly value: unknown
  /** What the dialog shows when a saved node does not have it. */
  readonly whenMissing?: unknown
  readonly required?: boolean
  readonly type?: string
  readonly validate?: (this: object, value: unknown, options?: object) => unknown
}

export interface EditorDefinition {
  readonly type: string
  readonly category: string
  readonly color?: string
  readonly icon?: string
  readonly inputs?: number
  readonly outputs?: number
  readonly defaults: Readonly<Record<string, EditorDefault>>
  readonly credentials?: Readonly<Record<string, { readonly type: string }>>
  readonly label: (this: object) => string
}

/** What the template registers when its module has been loaded, as it was built. */
export function editorDefinition(type: string): EditorDefinition {
  const dialog = path.join(ROOT, `resources/nodes/${type}/editor.js`)
  if (!existsSync(dialog))
    throw new Error('the dialogs are not built; `npm run build` says why, or builds them')
  createRequire(__filename)(dialog)
  const registered = new Map<string, EditorDefinition>()
  const registerType = (name: string, definition: EditorDefinition): unknown =>
    registered.set(name, { ...definition, type: name })
  const { tenantPipeline } = globalThis as { tenantPipeline?: unknown }
  vm.runInNewContext(registrationScript(type), { RED: { nodes: { registerType } }, tenantPipeline })
  const definition = registered.get(type)
  if (definition === undefined) throw new Error(`${templateFile(type)} does not register ${type}`)
  return definition
}

/**
 * Whether the editor takes this value of a property: its own `validateNodeProperty`, in short.
 * @param others the other properties of the node; their defaults when left out
 */
export function editorAccepts(
  definition: EditorDefinition,
  property: string,
  value: unknown,
  others: object = {},
): boolean {
  const { required, type, validate } = definition.defaults[property] as EditorDefault
  if (typeof value === 'string' && /^\$(\{[a-zA-Z_]\w*\}|\([a-zA-Z_]\w*\))$/.test(value)) return true
  if (required === true && value === '') return false
  if (required === false && value === '') return true
  if (validate === undefined) return type === undefined || (Boolean(value) && value !== '_ADD_')
  const node = nodeOf(definition, { ...others, [property]: value })
  const verdict = validate.call(node, value, {})
  // Words are only taken for words from a validator with two parameters, otherwise they are as good as `true`.
  return validate.length === 2 && typeof verdict === 'string' ? false : Boolean(verdict)
}

type Words = { readonly [key: string]: string | Words }

/** The words of a key, in English, as `i18next` finds them in the built catalogue. */
function wordsOf({
  type,
}: EditorDefinition): (key: string, values?: Readonly<Record<string, unknown>>) => string {
  const catalogue = readJson(`dist/${catalogueFile(type)}`) as Words
  return (key, values = {}) => {
    const found = key
      .split('.')
      .reduce<Words | string | undefined>(
        (words, part) => (typeof words === 'object' ? words[part] : undefined),
        catalogue,
      )
    return typeof found === 'string'
      ? found.replace(/__(\w+)__/g, (_match, name: string) => String(values[name]))
      : key
  }
}

/** Why the editor refuses a value, in the words that it shows. */
export function reasonFor(
  definition: EditorDefinition,
  property: string,
  value: unknown,
  others: object = {},
): string {
  const node = nodeOf(definition, { ...others, [property]: value })
  return String(definition.defaults[property]?.validate?.call(node, value, {}))
}

/** A new node in the editor, with some properties changed. Configuration nodes that it names are there, and in order. */
function nodeOf(definition: EditorDefinition, change: object): object {
  const defaults = Object.entries(definition.defaults).map(([name, { value }]) => [name, value])
  Object.assign(globalThis, { RED: { nodes: { node: () => ({ valid: true }) } } })
  return { ...(Object.fromEntries(defaults) as object), ...change, _: wordsOf(definition), _def: definition }
}
