/**
 * Shows the rules as a list, or as their text: an environment variable, or what a list cannot show. The text is what is
 * saved, and stays as it was written while the rows say the same.
 */
import { valueOf } from '../../../editor/form'
import { isVariable, textOf, type EditorNode } from '../../../editor/node'
import { ruleFaults } from '../../../src/validate/rules'
import { entriesOf, inWords, tidied, type Entry } from './entries'
import { RuleRow } from './rule-row'

/** Of the list. A new one has no entry yet. */
interface Item {
  entry?: Entry
  row?: RuleRow
}

export function editRules(node: EditorNode): void {
  const text = $('#node-input-rules')
  const list = $('#tenant-validate-rules')
  let isList = false
  let asWritten = ''

  const rows = (): RuleRow[] =>
    list
      .editableList('items')
      .toArray()
      // One that was removed stays for as long as it takes to fade.
      .filter((item) => !$(item).closest('li').hasClass('red-ui-editableList-item-deleting'))
      .flatMap((item) => ($(item).data('data') as Item).row ?? [])

  const check = (): void => {
    const shown = valueOf('#node-input-rules')
    const faults = isVariable(shown) ? [] : ruleFaults(shown)
    const ofList = faults.filter(({ index }) => !isList || index === undefined)
    $('#tenant-validate-rules-faults')
      .toggle(ofList.length > 0)
      .empty()
      .append(ofList.map((fault) => $('<div>').text(inWords(node, fault))))
    if (!isList) return
    rows().forEach((row, at) => row.mark(at, faults.find(({ index }) => index === at)?.key))
  }

  const textOfRows = (): string => {
    const entries = JSON.stringify(rows().map(({ entry }) => tidied(entry)))
    const before = (entriesOf(asWritten) ?? []).map(tidied)
    return entries === JSON.stringify(before) ? asWritten : entries
  }

  const take = (): void => {
    if (isList) text.val(textOfRows()).trigger('change')
    else check()
  }

  const show = (asList: boolean): void => {
    isList = asList
    if (isList) {
      asWritten = valueOf('#node-input-rules')
      isList = false
      list.editableList('empty')
      for (const entry of entriesOf(asWritten) ?? []) list.editableList('addItem', { entry })
      isList = true
    }
    $('.tenant-validate-rules-list').toggle(isList)
    $('.tenant-validate-rules-text').toggle(!isList)
    check()
  }

  list.editableList<Item>({
    height: 'auto',
    sortable: true,
    removable: true,
    buttons: [
      {
        id: 'tenant-validate-rules-as-text',
        icon: 'fa fa-code',
        label: node._('tenant-validate.rules.asText'),
        click: () => show(false),
      },
    ],
    sortItems: take,
    removeItem: take,
    addItem: (container, _index, item) => {
      const isNew = item.entry === undefined
      item.row = new RuleRow(node, container, item.entry ?? { when: 'any' }, take)
      if (isNew) take()
    },
  })
  $('#tenant-validate-rules-as-list').on('click', () => {
    if (entriesOf(valueOf('#node-input-rules')) !== undefined) show(true)
  })
  text.val(textOf(node.rules)).on('input change', check)
  show(entriesOf(valueOf('#node-input-rules')) !== undefined)
}
