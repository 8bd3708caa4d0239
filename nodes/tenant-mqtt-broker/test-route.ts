/** The test of the button *Test connection* in the dialog, and of `doctor` on the command line. */
import { checkBrokerSettings, refusePassword } from '../../src/mqtt/connect/broker-settings'
import { testBroker } from '../../src/mqtt/connect/broker-test'
import { shownAddress } from '../../src/runtime/dialog-config'
import type { TestRoute } from '../../src/runtime/test-route'
import { options, readBroker } from './options'

export const brokerTest: TestRoute = {
  type: 'tenant-mqtt-broker',
  options,
  addresses: ['url'],
  transport: ['tls'],
  credentials: ['password'],
  test: ({ values, credentials, given, tls, environment }) => {
    const settings = readBroker(values, credentials, tls && (() => tls), environment)
    if (given['url'] === values['url']) refusePassword(settings.urls)
    checkBrokerSettings(settings, settings.clientId)
    return testBroker({ settings, shown: ({ host }) => shownAddress(given['url'], host) })
  },
}
