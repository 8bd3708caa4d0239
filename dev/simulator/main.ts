/**
 * The simulator as a process of its own: it prints its count, and on SIGTERM or SIGINT writes its
 * ledger to a file. Tests that kill Node-RED, and people with a broker elsewhere, use it.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Simulator } from './simulator'

const HELP = `Usage: npx tsx dev/simulator/main.ts --url mqtt://localhost:1883 [options]
  --rate N       messages a second (1000)
  --tenants N    (5)
  --projects N   of each tenant (2)
  --devices N    in all (50)
  --qos 0|1|2    (1)
  --ledger FILE  where the ledger of acknowledged messages is written at the end`

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      url: { type: 'string' },
      rate: { type: 'string', default: '1000' },
      tenants: { type: 'string', default: '5' },
      projects: { type: 'string', default: '2' },
      devices: { type: 'string', default: '50' },
      qos: { type: 'string', default: '1' },
      ledger: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help || values.url === undefined) {
    console.log(HELP)
    process.exitCode = values.help ? 0 : 2
    return
  }
  const qos = Number(values.qos)
  if (qos !== 0 && qos !== 1 && qos !== 2) throw new Error(`--qos is ${values.qos}; expected 0, 1 or 2`)
  const simulator = await Simulator.start({
    url: values.url,
    rate: Number(values.rate),
    tenants: Number(values.tenants),
    projects: Number(values.projects),
    devices: Number(values.devices),
    qos,
  })
  const ticker = setInterval(() => console.log(`acknowledged ${simulator.ledger.acknowledged}`), 200)
  console.log('publishing')

  let stopping = false
  const stop = async (): Promise<void> => {
    if (stopping) return
    stopping = true
    clearInterval(ticker)
    await simulator.stop()
    if (values.ledger !== undefined) {
      writeFileSync(values.ledger, JSON.stringify(simulator.ledger.snapshot()))
    }
    console.log(`acknowledged ${simulator.ledger.acknowledged}`)
  }
  process.on('SIGTERM', () => void stop())
  process.on('SIGINT', () => void stop())
}

void main()
