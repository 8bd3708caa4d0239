/**
 * The button *Test the whole pipeline* of a node: tries what all nodes of its flow connect to, each as *Test connection* of
 * the configuration node does, and names the nodes that are incomplete.
 */
import { SAVED_PASSWORD } from '../src/config/saved-password'
import { configOf, listOfChecks, testConnection, type TestedConfig } from './connection-test'
import type { EditorNode } from './node'

/** Fills the element `<type>-test-pipeline` of the dialog. */
export function offerPipelineTest(node: EditorNode): void {
  const place = $(`#${node.type}-test-pipeline`).addClass('form-row')
  const button = $('<button type="button" class="red-ui-button">').text(node._('shared.pipelineTest.button'))
  const results = $('<div>')
  place.empty().append(button, results)

  button.on('click', () => {
    button.prop('disabled', true)
    const nodes = pipelineNodes(node.z)
    const configs = configsOf(nodes)
    results.empty().append(incomplete(node, [...nodes, ...configs]))
    const tests = configs.map(async (config) => {
      const list = listOfChecks()
      const heading = $('<div>').css({ fontWeight: 'bold', marginTop: 8 }).text(nameOf(config))
      results.append(heading, list)
      await testConnection(config, await savedConfig(config), list)
    })
    if (configs.length === 0)
      results.append($('<div class="form-tips">').text(node._('shared.pipelineTest.nothing')))
    void Promise.allSettled(tests).then(() => button.prop('disabled', false))
  })
}

/** The enabled nodes of this package in a flow or subflow. */
function pipelineNodes(z: string | undefined): EditorNode[] {
  const found: EditorNode[] = []
  RED.nodes.eachNode((node) => {
    if (node.z === z && node.d !== true && isOurs(node.type)) found.push(node)
  })
  return found
}

/** The configuration nodes of this package that nodes have chosen, each once. */
function configsOf(nodes: readonly EditorNode[]): EditorNode[] {
  const chosen = nodes.flatMap((node) =>
    Object.entries(node._def.defaults)
      .filter(([, { type }]) => isOurs(type))
      .flatMap(([property]) => RED.nodes.node(String(node[property])) ?? []),
  )
  return [...new Map(chosen.map((config) => [config.id, config])).values()]
}

function incomplete(asked: EditorNode, nodes: readonly EditorNode[]): JQuery[] {
  return nodes
    .filter(({ valid }) => valid === false)
    .map((node) => {
      const values = { node: nameOf(node), reasons: (node.validationErrors ?? []).join('; ') }
      return $('<div class="form-tips">').text(asked._('shared.pipelineTest.incomplete', values))
    })
}

const isOurs = (type = ''): boolean => globalThis.tenantPipeline?.[type] !== undefined

const nameOf = (node: EditorNode): string => RED.utils.getNodeLabel(node, node.type)

/** As it will be deployed. The editor has the credentials of those nodes only whose dialog was opened. */
async function savedConfig(node: EditorNode): Promise<TestedConfig> {
  const { id, type } = node
  const known = (node['credentials'] ?? (await $.getJSON(`credentials/${type}/${id}`))) as Record<
    string,
    unknown
  >
  return configOf(
    node,
    (name) => node[name],
    (name) => known[name] ?? (known[`has_${name}`] === true ? SAVED_PASSWORD : ''),
  )
}
