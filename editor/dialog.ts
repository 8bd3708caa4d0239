/** How the editor's part of a node, a module, reaches the registration in the node's HTML, a script that imports nothing. */
import { textOf, type EditorNode } from './node'
import type { Property } from './properties'
import { showReasons } from './reasons'

export interface Dialog {
  readonly properties: Readonly<Record<string, Property>>
  label(this: EditorNode): string
  outputLabels?(this: EditorNode, index: number): string
  /** Fields have their values already. */
  oneditprepare?(this: EditorNode): void
  /** Before the editor takes the values of the fields. */
  oneditsave?(this: EditorNode): void
  readonly button?: {
    enabled(this: EditorNode): boolean
    onclick(this: EditorNode): void
  }
}

declare global {
  /** The dialogs by the type of their node. */
  var tenantPipeline: Record<string, Dialog & { labelStyle(this: EditorNode): string }> | undefined
}

const STYLES = 'resources/@iot-bridge/node-red-tenant-pipeline/editor/dialog.css'

export function offer(type: string, dialog: Dialog): void {
  if (globalThis.tenantPipeline === undefined) loadStyles()
  globalThis.tenantPipeline ??= {}
  globalThis.tenantPipeline[type] = {
    ...dialog,
    labelStyle() {
      return this.name ? 'node_label_italic' : ''
    },
    oneditprepare() {
      const form = formOf(this).addClass('tenant-pipeline-dialog')
      unfoldWrong(form)
      showDefaults(this, dialog.properties)
      dialog.oneditprepare?.call(this)
      showReasons(this, dialog.properties, prefixOf(this))
    },
  }
}

const prefixOf = ({ _def }: EditorNode): string =>
  _def.category === 'config' ? '#node-config-input-' : '#node-input-'

const formOf = (node: EditorNode): JQuery => $(`${prefixOf(node)}name`).closest('form')

/** Tests load the modules without a document. */
function loadStyles(): void {
  if (typeof document === 'undefined') return
  document.head.append(Object.assign(document.createElement('link'), { rel: 'stylesheet', href: STYLES }))
}

/** A section unfolds when one of its fields becomes wrong: also as the dialog opens, and because of another field. */
function unfoldWrong(form: JQuery): void {
  const wrong = new MutationObserver((changes) => {
    for (const { target } of changes)
      if ($(target).hasClass('input-error')) $(target).closest('details').prop('open', true)
  })
  for (const element of form) wrong.observe(element, { attributeFilter: ['class'], subtree: true })
}

/** A flow of an older version does not say what came later: its fields would be empty, and saved like that. */
function showDefaults(node: EditorNode, all: Dialog['properties']): void {
  const prefix = prefixOf(node)
  for (const [name, { value, whenMissing = value, type }] of Object.entries(all)) {
    if (node[name] !== undefined || type !== undefined) continue
    if (typeof whenMissing === 'boolean') $(prefix + name).prop('checked', whenMissing)
    else $(prefix + name).val(String(whenMissing))
  }
}

/** The node's name, or else a property, or else the words. */
export function nameOr(property: string, words: string): (this: EditorNode) => string {
  return function () {
    return this.name || textOf(this[property]) || words
  }
}
