/**
 * A Node-RED user directory in which this package is installed: a link in its `node_modules`, as
 * `npm install <folder>` makes it, and the package's name in its `package.json`.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { packageFile, PROJECT_ROOT } from '../project'

export interface UserDirectory {
  readonly folder: string
  readonly port: number
  /** A packed package to install with npm; default: a link to this project. */
  readonly install?: string | undefined
  /** Neither. */
  readonly bare?: boolean | undefined
}

export function prepareUserDirectory({ folder, port, install, bare }: UserDirectory): void {
  writeFileSync(path.join(folder, 'settings.js'), settingsOf(port))
  if (bare) return
  if (install === undefined) linkPackage(folder)
  else
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', install], { cwd: folder })
}

/** Leaves in the user directory what `npm install <this project>` would. */
function linkPackage(folder: string): void {
  const { name } = packageFile()
  const link = path.join(folder, 'node_modules', name)
  mkdirSync(path.dirname(link), { recursive: true })
  rmSync(link, { recursive: true, force: true })
  symlinkSync(PROJECT_ROOT, link, 'junction')
  writeJson(path.join(folder, 'package.json'), {
    name: 'node-red-user-directory',
    version: '0.0.0',
    private: true,
    dependencies: { [name]: `file:${PROJECT_ROOT}` },
  })
}

/** Puts a flow in place for the next start; a flow that is there stays unless `replace` is set. */
export function putFlow(folder: string, flow: readonly object[], replace: boolean): void {
  const file = path.join(folder, 'flows.json')
  if (replace || !existsSync(file)) writeJson(file, flow)
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`)
}

/**
 * Local, silent towards the internet, and telling its parent what happens: the statuses of nodes and the state
 * of the flows, as the editor would see them, and the log go over the process's channel.
 */
function settingsOf(port: number): string {
  return `// Written again at each start by dev/node-red/user-dir.ts.
const { events } = require('module').createRequire(require.main.filename)('@node-red/util')
const tell = (event) => process.connected && process.send(event, () => undefined)
events.on('node-status', ({ id, status = {} }) => {
  tell({ id, status: { fill: status.fill, text: String(status.text ?? '') } })
})
const plain = (msg) => (msg instanceof Error ? { message: msg.message, code: msg.code } : msg)
const tellLogged = ({ level, type, id, msg }) => tell({ logged: { level, type, id, msg: plain(msg) } })
events.on('runtime-event', ({ id, payload }) => id === 'runtime-state' && payload && tell({ flows: payload }))

// What everyone may do, without a login; everything unless it is set.
const permissions = process.env.NODE_RED_PERMISSIONS
const noUser = async () => null
const adminAuth = permissions && {
  type: 'credentials',
  users: noUser,
  authenticate: noUser,
  default: async () => ({ anonymous: true, permissions: permissions.split(',') }),
}

module.exports = {
  ...(adminAuth && { adminAuth }),
  uiHost: '127.0.0.1',
  uiPort: ${port},
  flowFile: 'flows.json',
  flowFilePretty: true,
  credentialSecret: false,
  lang: process.env.NODE_RED_LANG || 'en-US',
  telemetry: { enabled: false, updateNotification: false },
  editorTheme: { projects: { enabled: false }, tours: false },
  logging: {
    console: { level: 'info', metrics: false, audit: false },
    parent: { level: 'debug', metrics: false, audit: false, handler: () => tellLogged },
  },
}
`
}
