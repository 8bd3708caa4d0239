import assert from 'node:assert/strict'
import { readOptions, type Option, type OptionTable } from '../../src/runtime/options'
import {
  editorAccepts,
  editorDefinition,
  nodeTypes,
  optionsOf,
  type EditorDefinition,
} from '../support/package'

/** Values at which a dialog and the runtime could disagree. */
function probes(option: Option): unknown[] {
  switch (option.kind) {
    case 'integer': {
      const { min, max } = option
      return [
        min,
        max,
        String(min),
        String(max),
        min - 1,
        max + 1,
        `${min - 1}`,
        `${max + 1}`,
        min + 0.5,
        'text',
      ]
    }
    case 'choice':
      return [...option.choices, 'something else']
    case 'flag':
      return [true, false]
    case 'text':
      return [
        option.default,
        ...(option.required ? [''] : []),
        ...(option.pattern === undefined ? [] : ['§ no name has this']),
      ]
  }
}

function runtimeAccepts(table: OptionTable, property: string, value: unknown): boolean {
  const option = table[property] as Option
  // The dialog shows an empty required field as missing; at runtime its default stands in.
  if (option.kind === 'text' && option.required && value === '') return false
  try {
    readOptions({ [property]: option }, { [property]: value })
    return true
  } catch {
    return false
  }
}

/** Properties of a node that are no options: its name, and the configuration nodes it refers to. */
function isReference(definition: EditorDefinition, property: string): boolean {
  return property === 'name' || definition.defaults[property]?.type !== undefined
}

/** What a dialog refuses because of another property is refused by the node too, and tested with the node. */
const UNSAFE_IS_CHOSEN = { allowUnsafe: true }

describe('dialog and runtime', () => {
  for (const type of nodeTypes) {
    describe(type, () => {
      const table = optionsOf(type)

      it('have the same properties with the same defaults', () => {
        const definition = editorDefinition(type)
        const inDialog = Object.entries(definition.defaults)
          .filter(([property]) => !isReference(definition, property))
          .map(([property, { value }]) => [property, value])
        const atRuntime = Object.entries(table).map(([property, option]) => [property, option.default])
        assert.deepEqual(Object.fromEntries(inDialog), Object.fromEntries(atRuntime))
      })

      for (const [property, option] of Object.entries(table)) {
        it(`accept the same values of ${property}`, () => {
          const definition = editorDefinition(type)
          for (const value of probes(option)) {
            assert.equal(
              editorAccepts(definition, property, value, UNSAFE_IS_CHOSEN),
              runtimeAccepts(table, property, value),
              `${property} = ${JSON.stringify(value)}`,
            )
          }
          if (option.kind !== 'flag')
            assert.ok(editorAccepts(definition, property, '${SOME_NAME}'), '${SOME_NAME}')
        })
      }
    })
  }
})
