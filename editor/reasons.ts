/**
 * Why a field is red, in a sentence below it. The editor itself looks at a field beside what the node had before the dialog was
 * opened; here all fields count as they are now, and the colour follows.
 */
import type { EditorNode } from './node'
import type { Property } from './properties'

type Properties = Readonly<Record<string, Property>>

/** @param prefix of the fields' ids, as a selector */
export function showReasons(node: EditorNode, properties: Properties, prefix: string): void {
  const show = (): void => {
    const fields = Object.keys(properties).map((name) => [name, $(prefix + name)] as const)
    const shown = fields.filter(([, field]) => field.length > 0)
    // Defined, not assigned: the node is a proxy that takes an assignment for a change, which Cancel would not undo.
    const values = shown.map(([name, field]) => [name, { value: valueOf(field) }] as const)
    const now = Object.create(node, Object.fromEntries(values)) as EditorNode
    for (const [name, field] of shown) {
      const reason = properties[name]?.reason?.call(now, valueOf(field)) ?? true
      mark(field, reason === true ? undefined : reason)
    }
  }
  $(`${prefix}name`).closest('form').on('input change keyup paste', show)
  // The editor colours the fields once more when this has returned.
  setTimeout(show)
}

const valueOf = (field: JQuery): unknown =>
  field.attr('type') === 'checkbox' ? field.prop('checked') : field.val()

function mark(field: JQuery, reason: string | undefined): void {
  const isWrong = reason !== undefined
  // With a unit, people see another one.
  const shown = field.add(`#${String(field.attr('id'))}-amount`)
  shown.toggleClass('input-error', isWrong).attr('aria-invalid', String(isWrong))
  field.next('.red-ui-typedInput-container').toggleClass('input-error', isWrong)
  // The editor's own tooltip would cover the sentence.
  const tooltip = field.data('tooltip') as { delete(): void } | null | undefined
  tooltip?.delete()
  field.data('tooltip', null)
  const id = `${String(field.attr('id'))}-reason`
  let place = $(`#${id}`)
  if (isWrong && place.length === 0) {
    place = $('<div class="tenant-pipeline-hint tenant-pipeline-reason" role="alert">')
      .attr('id', id)
      .appendTo(rowOf(field))
    shown.attr('aria-describedby', id)
  }
  place.text(reason ?? '').toggle(isWrong)
}

function rowOf(field: JQuery): JQuery {
  const row = field.closest('.form-row')
  return row.length > 0 ? row : field.parent()
}
