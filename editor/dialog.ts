/** How the editor's part of a node, a module, reaches the registration in the node's HTML, a script that imports nothing. */
import { explainDeployWarnings } from './deploy-warning'
import { textOf, type EditorNode } from './node'
import { onlyOne, preset, type Presets } from './presets'
import { offerPipelineTest } from './pipeline-test'
import { offerUnits } from './quantity-field'
import type { Property } from './properties'
import { showReasons } from './reasons'
import { showUnwired } from './unwired'

export interface Dialog {
  readonly properties: Readonly<Record<string, Property>>
  label(this: EditorNode): string
  outputLabels?(this: EditorNode, index: number): string
  /** What a new node can know by itself. */
  readonly presets?: Presets
  /** The output whose messages are failures until a sink has stored them. */
  errorOutput?(this: EditorNode): number | undefined
  /** Fields have their values already. */
  oneditprepare?(this: EditorNode): void
  /** Before the editor takes the values of the fields. */
  oneditsave?(this: EditorNode): void
  readonly button?: {
    enabled(this: EditorNode): boolean
    onclick(this: EditorNode): void
  }
}

interface OfferedDialog extends Dialog {
  labelStyle(this: EditorNode): string
  onadd(this: EditorNode): void
}

declare global {
  /** The dialogs by the type of their node. */
  var tenantPipeline: Record<string, OfferedDialog> | undefined
}

const STYLES = 'resources/@iot-bridge/node-red-tenant-pipeline/editor/dialog.css'

/** Tests load the modules without a document. */
export function offer(type: string, dialog: Dialog): void {
  if (globalThis.tenantPipeline === undefined && typeof document !== 'undefined') {
    loadStyles()
    explainDeployWarnings()
  }
  globalThis.tenantPipeline ??= {}
  globalThis.tenantPipeline[type] = {
    ...dialog,
    labelStyle() {
      return this.name ? 'node_label_italic' : ''
    },
    onadd() {
      preset(this, dialog.presets ?? {})
    },
    oneditprepare() {
      const form = formOf(this).addClass('tenant-pipeline-dialog')
      unfoldWrong(form)
      showDefaults(this, dialog.properties)
      chooseOnlyOnes(this, dialog.properties)
      showUnwired(this)
      offerPipelineTest(this)
      offerUnits(type, this, prefixOf(this))
      dialog.oneditprepare?.call(this)
      showReasons(this, dialog.properties, prefixOf(this))
    },
  }
}

const prefixOf = ({ _def }: EditorNode): string =>
  _def.category === 'config' ? '#node-config-input-' : '#node-input-'

const formOf = (node: EditorNode): JQuery => $(`${prefixOf(node)}name`).closest('form')

function loadStyles(): void {
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

/** A node that needs a configuration node has none: if there is only one to choose, it is chosen. */
function chooseOnlyOnes(node: EditorNode, all: Dialog['properties']): void {
  for (const [name, { type, validate }] of Object.entries(all)) {
    if (type === undefined || node[name] || validate?.call(node, '', {}) === true) continue
    const only = onlyOne(type)(node)
    if (only !== undefined)
      $(`${prefixOf(node)}${name}`)
        .val(only)
        .trigger('change')
  }
}

/** The node's name, or else a property, or else the words. */
export function nameOr(property: string, words: string): (this: EditorNode) => string {
  return function () {
    return this.name || textOf(this[property]) || words
  }
}
