/** `npm run dashboards` writes the JSON that Grafana reads, beside these sources; a test compares. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { format, resolveConfig } from 'prettier'
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { data } from './data'
import { pipeline } from './pipeline'
import { tenants } from './tenants'

export const DASHBOARDS: Readonly<Record<string, () => Dashboard>> = { pipeline, tenants, data }

export const fileOf = (name: string): string => path.join(__dirname, `${name}.json`)

/** Formatted as all files of this repository are. */
export async function textOf(name: string): Promise<string> {
  const build = DASHBOARDS[name]
  if (build === undefined) throw new Error(`there is no dashboard ${name}`)
  const file = fileOf(name)
  return format(JSON.stringify(numbered(build())), { ...(await resolveConfig(file)), filepath: file })
}

/** Grafana tells panels, and the queries of a panel, apart by these. */
function numbered(dashboard: Dashboard): object {
  const panels = dashboard.panels?.map((panel, at) => {
    const { targets = [] } = panel as { targets?: object[] }
    const named = targets.map((target, query) => ({ refId: String.fromCharCode(65 + query), ...target }))
    return { id: at + 1, ...panel, targets: named }
  })
  return { ...dashboard, panels }
}

async function main(): Promise<void> {
  for (const name of Object.keys(DASHBOARDS)) writeFileSync(fileOf(name), await textOf(name))
}

if (require.main === module) void main()
