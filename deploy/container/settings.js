/**
 * Node-RED's settings in a container: everything comes from environment variables, listed in docs/deploy.md. The log
 * is one JSON object a line, only /data is written to, and there is no editor unless it is asked for.
 */
const { copyFileSync, existsSync, readdirSync, readFileSync, statSync } = require('node:fs')
const path = require('node:path')
const { jsonLog } = require('@iot-bridge/node-red-tenant-pipeline/json-log')

const env = process.env
readSecrets(env.NODE_RED_SECRETS || '/run/secrets')

const editor = isTrue('NODE_RED_EDITOR')
const flowFile = editor ? editedFlow() : mountedFlow()

module.exports = {
  flowFile,
  credentialSecret: env.NODE_RED_CREDENTIAL_SECRET || false,
  // Without the editor nothing is saved: the flow is the mounted file, and /data holds nothing worth a backup.
  readOnly: !editor,
  httpAdminRoot: editor ? '/' : false,
  httpNodeRoot: false,
  uiHost: '0.0.0.0',
  uiPort: 1880,
  adminAuth: editor ? administrator() : undefined,
  nodesExcludes: isTrue('NODE_RED_ALL_CORE_NODES') ? [] : excludedNodes(),
  logging: { json: { level: env.NODE_RED_LOG_LEVEL || 'info', handler: jsonLog } },
  telemetry: { enabled: false, updateNotification: false },
  externalModules: { autoInstall: false, palette: { allowInstall: false, allowUpload: false } },
  editorTheme: { projects: { enabled: false }, tours: false },
}

/** Each file in the folder is an environment variable of that name, unless there is one. */
function readSecrets(folder) {
  if (!existsSync(folder)) return
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name)
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || name in env || !statSync(file).isFile()) continue
    env[name] = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  }
}

function isTrue(name) {
  const value = env[name] || 'false'
  if (value === 'true' || value === 'false') return value === 'true'
  throw new Error(`${name} is "${value}"; expected true or false`)
}

function mountedFlow() {
  const file = env.NODE_RED_FLOW || '/flows/flows.json'
  if (existsSync(file)) return file
  throw new Error(`there is no flow at ${file}: mount one there, or set NODE_RED_FLOW to the place of yours`)
}

/** The mounted flow is the first version of what the editor saves. */
function editedFlow() {
  const edited = '/data/flows.json'
  const mounted = env.NODE_RED_FLOW || '/flows/flows.json'
  if (!existsSync(edited) && existsSync(mounted)) copyFileSync(mounted, edited)
  return edited
}

function administrator() {
  const password = env.NODE_RED_ADMIN_PASSWORD
  if (!password)
    throw new Error('NODE_RED_EDITOR is true: set NODE_RED_ADMIN_PASSWORD, or mount it as a secret')
  const { hashSync } = require('bcryptjs')
  const username = env.NODE_RED_ADMIN_USER || 'admin'
  return { type: 'credentials', users: [{ username, password: hashSync(password, 10), permissions: '*' }] }
}

/** What a pipeline does not need, or what reaches past it: other networks, files, programs. */
function excludedNodes() {
  return [
    '90-exec.js',
    '06-httpproxy.js',
    '10-mqtt.js',
    '21-httpin.js',
    '21-httprequest.js',
    '22-websocket.js',
    '31-tcpin.js',
    '32-udp.js',
    '70-CSV.js',
    '70-HTML.js',
    '70-XML.js',
    '70-YAML.js',
    '80-template.js',
    '18-sort.js',
    '19-batch.js',
    '10-file.js',
    '23-watch.js',
  ]
}
