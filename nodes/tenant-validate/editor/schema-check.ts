/** Says below a schema, as one types, whether it can be used: JSON is read here, and the server compiles the schema. */
import { post } from '../../../editor/ask'
import type { EditorNode } from '../../../editor/node'
import { isSchema } from '../../../src/validate/rules'

/** Between the last key and the question. */
const PAUSE_MS = 400

/** @returns to be called with each change of the schema; `undefined` when there is none to check */
export function checkSchema(node: EditorNode, place: JQuery): (schema: string | undefined) => void {
  let pause: number | undefined
  let asked = 0
  const say = (words: string, isWrong: boolean): void => {
    const color = isWrong ? 'var(--red-ui-text-color-error)' : 'var(--red-ui-secondary-text-color)'
    place.text(words).css({ color })
  }
  return (schema) => {
    window.clearTimeout(pause)
    const turn = ++asked
    if (schema === undefined || schema.trim() === '') return say('', false)
    try {
      if (!isSchema(JSON.parse(schema))) return say(node._('tenant-validate.fault.notSchema'), true)
    } catch (error) {
      return say(node._('tenant-validate.check.notJson', { where: (error as Error).message }), true)
    }
    pause = window.setTimeout(() => {
      void post(`tenant-validate/${node.id}/check`, { schema })
        .done((answer: unknown) => {
          if (turn !== asked) return
          const { problem } = answer as { readonly problem?: string }
          say(problem ?? node._('tenant-validate.check.fine'), problem !== undefined)
        })
        .fail(() => {
          if (turn === asked) say(node._('tenant-validate.check.noAnswer'), true)
        })
    }, PAUSE_MS)
  }
}
