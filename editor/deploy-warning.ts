/** The editor's warning before a deploy only names the nodes that are wrong: below each of ours stands what is wrong. */
import type { EditorNode } from './node'

export function explainDeployWarnings(): void {
  const places = $('#red-ui-notifications').get()
  const observer = new MutationObserver(explain)
  for (const place of places) observer.observe(place, { childList: true })
}

function explain(): void {
  const lines = $('.red-ui-deploy-dialog-confirm-list > li:not(:has(ul))').get()
  if (lines.length === 0) return
  const explainOne = (node: EditorNode): void => {
    const { type, valid, validationErrors = [] } = node
    if (valid !== false || globalThis.tenantPipeline?.[type] === undefined) return
    const named = `${RED.utils.getNodeLabel(node, node.id)} (${type})`
    const at = lines.findIndex(({ textContent }) => textContent?.endsWith(named))
    const [line] = at < 0 ? [] : lines.splice(at, 1)
    if (line === undefined) return
    const reasons = validationErrors.map((reason) => $('<li>').text(reason))
    $(line).append($('<ul>').append(reasons))
  }
  RED.nodes.eachConfig(explainOne)
  RED.nodes.eachNode(explainOne)
}
