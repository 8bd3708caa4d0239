/**
 * `npx tsx dev/container/try.ts`: builds the image of deploy/container without a Docker engine, runs it between real
 * services, and measures what it costs. As root on Debian, with debootstrap and bubblewrap.
 */
import { parseArgs } from 'node:util'
import { measure } from './measure'

const HELP = `Usage: npx tsx dev/container/try.ts [options]
  --rate N           messages a second (1000)
  --seconds N        of load (60)
  --memory N         the container's limit in MB (256)
  --package NAME     from npm instead of this project, such as @iot-bridge/node-red-tenant-pipeline@0.1.0
  --env NAME=VALUE   a variable of the container, such as NODE_OPTIONS=…; may be given several times`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rate: { type: 'string', default: '1000' },
      seconds: { type: 'string', default: '60' },
      memory: { type: 'string', default: '256' },
      package: { type: 'string' },
      env: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return console.log(HELP)
  const measured = await measure({
    rate: Number(values.rate),
    seconds: Number(values.seconds),
    memoryMb: Number(values.memory),
    package: values.package,
    env: Object.fromEntries(values.env.map((each) => each.split(/=(.*)/s).slice(0, 2) as [string, string])),
  })
  for (const [name, value] of Object.entries(measured)) console.log(`${name}: ${String(value)}`)
}

main().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 1
})
