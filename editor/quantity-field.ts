/** The fields for times and sizes: a number and its unit, in place of a number of ms or bytes. */
import type { Option } from '../src/config/options'
import { isVariable, type EditorNode } from './node'
import { options } from './options'
import { kept, readable, shown, unitsOf } from './quantity'

/**
 * A field with a choice of units has them beside it from now on. The field itself is hidden, with what is saved and
 * validated.
 * @param prefix of the ids of the fields
 */
export function offerUnits(type: string, node: EditorNode, prefix: string): void {
  for (const [name, option] of Object.entries(options[type] ?? {})) offerUnit(node, prefix + name, option)
}

function offerUnit(node: EditorNode, place: string, option: Option): void {
  const units = unitsOf(option)
  const field = $(place)
  if (units === undefined || field.length === 0) return
  const id = place.slice(1)
  const amount = $('<input type="text" class="tenant-pipeline-number">').attr('id', `${id}-amount`)
  const unit = $('<select class="tenant-pipeline-unit">').attr({
    id: `${id}-unit`,
    'aria-label': node._('shared.unit.label'),
  })
  for (const { name } of units)
    unit.append(
      $('<option>')
        .val(name)
        .text(node._(`shared.unit.${name}`)),
    )

  const now = shown(String(field.val()), units)
  // What has no unit gets the one in which people think of this option.
  const hasUnit = now.amount !== '0' && !isVariable(now.amount)
  amount.val(now.amount)
  unit.val((hasUnit ? now : shown(String(option.default), units)).unit.name).toggle(!isVariable(now.amount))
  const take = (): void => {
    const text = kept(String(amount.val()), units.find(({ name }) => name === unit.val()) ?? units[0])
    unit.toggle(!isVariable(text))
    if (text !== field.val()) field.val(text).trigger('change')
  }
  amount.on('input change', take)
  unit.on('change', take)
  field.hide().after(amount, unit)
  $(`label[for="${id}"]`).attr('for', `${id}-amount`)
}

/** A value of an option as people say it: `3 days`, `900 kB`. */
export function inUnits(node: EditorNode, value: number, unitOfOption: string): string {
  const quantity = value > 0 ? readable(value, unitOfOption) : undefined
  if (quantity === undefined) return value.toLocaleString('en-US')
  const amount = Number(quantity.amount).toLocaleString('en-US')
  return `${amount} ${node._(`shared.unit.${quantity.unit.name}`)}`
}
