/** `npm run node24 -- <command>`: a command, such as `npm test`, with Node.js 24, which npm brings. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { newerNode } from './node-red/runtime'

const [command = '', ...args] = process.argv.slice(2)
const PATH = [path.dirname(newerNode()), process.env['PATH'] ?? ''].join(path.delimiter)
const { status, error } = spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, PATH } })
if (error !== undefined) console.error(error.message)
process.exitCode = status ?? 1
