/** Says below the field what it deletes, while it is edited. */
import { valueOf } from './form'
import type { EditorNode } from './node'
import { options } from './options'
import { inUnits } from './quantity-field'

/** Keys of the words. */
interface Words {
  /** With `__time__`. */
  readonly deleted: string
  readonly kept: string
}

/** @param name of the property that says for how long; `kept` is said for `forever` */
export function sayWhatIsDeleted(
  type: string,
  node: EditorNode,
  name: string,
  { deleted, kept, forever }: Words & { readonly forever: number },
): void {
  const field = $(`#node-input-${name}`)
  const place = field.closest('.form-row').find('.tenant-pipeline-hint')
  const option = options[type]?.[name]
  if (option?.kind !== 'integer') return
  const say = (): void => {
    const value = Number(valueOf(`#node-input-${name}`))
    const isTaken = Number.isInteger(value) && value >= option.min && value <= option.max
    const words =
      value === forever ? node._(kept) : node._(deleted, { time: inUnits(node, value, option.unit) })
    place
      .toggleClass('tenant-pipeline-warning', value !== forever)
      .text(words)
      .toggle(isTaken)
  }
  field.on('input change', say)
  say()
}
