/** The plugin in the editor: a tab in the sidebar that shows what the nodes of this package do. */
import { showSidebar } from './editor/sidebar'
import { words } from './editor/words'

const RESOURCES = 'resources/@iot-bridge/node-red-tenant-pipeline/'
const STYLES = ['packages/uplot/uPlot.min.css', 'plugins/tenant-pipeline/editor/sidebar.css']

// Those who may not read the numbers have no tab.
if (RED.user.hasPermission('tenant-pipeline.read')) {
  for (const style of STYLES)
    document.head.append(
      Object.assign(document.createElement('link'), { rel: 'stylesheet', href: RESOURCES + style }),
    )
  const { content, look } = showSidebar()
  RED.sidebar.addTab({
    id: 'tenant-pipeline',
    label: words('sidebar.label'),
    name: words('sidebar.name'),
    iconClass: 'fa fa-tachometer',
    content,
    enableOnEdit: true,
    onchange: look,
  })
}
