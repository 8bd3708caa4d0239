/** Where in a schema something stands, as a JSON pointer: Ajv does not say it of all that it refuses. */
import { pointerStep } from '../record/json-pointer'

/** Their properties are names of the author's own, not keywords. */
const MAPS: ReadonlySet<string> = new Set([
  ...['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas', 'dependencies'],
  ...['dependentRequired'],
])
/** What is in these is a value, not a schema. */
const VALUES: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples'])

export const placeOfKeyword = (schema: object, keyword: string): string =>
  find(schema, '', (key) => key === keyword)

export const placeOfRef = (schema: object, reference: string): string =>
  find(schema, '', (key, value) => /^\$(dynamic)?ref$/i.test(key) && value === reference)

/** Of a `pattern`, or of a name in `patternProperties`. */
export const placeOfText = (schema: object, text: string): string =>
  find(schema, '', (key, value) =>
    key === 'patternProperties' ? Object.hasOwn(Object(value) as object, text) : value === text,
  )

type Test = (key: string, value: unknown) => boolean

function find(schema: object, at: string, test: Test): string {
  return search(schema, at, test) ?? 'the schema'
}

function search(schema: unknown, at: string, test: Test): string | undefined {
  if (typeof schema !== 'object' || schema === null) return undefined
  for (const [key, value] of Object.entries(schema)) {
    if (!Array.isArray(schema) && test(key, value)) return `${at}/${pointerStep(key)}`
    if (VALUES.has(key)) continue
    const inner = MAPS.has(key) ? Object.entries(Object(value) as object) : [['', value] as const]
    for (const [name, each] of inner) {
      const place =
        name === '' ? `${at}/${pointerStep(key)}` : `${at}/${pointerStep(key)}/${pointerStep(name)}`
      const found = search(each, place, test)
      if (found !== undefined) return found
    }
  }
  return undefined
}
