/** One MQTT broker in this process for the whole test run, started when the first test asks for it. */
import { startAedes } from '../../dev/services/mqtt'
import type { Service } from '../../dev/services/service'

let broker: Promise<Service> | undefined

/** Its address. Tests keep apart by topics and client ids of their own. */
export async function sharedMqtt(): Promise<string> {
  broker ??= startAedes()
  return (await broker).address
}

after(async () => {
  const started = broker
  broker = undefined
  await (await started)?.stop()
})
