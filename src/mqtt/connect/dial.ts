/**
 * Opens the network connection of an MQTT client. MQTT.js would read an address as a URL, which knows no zones; takes a
 * `clientId` in its query for ours; and passes no options to the socket of plain MQTT.
 */
import net from 'node:net'
import tls from 'node:tls'
import { connect, MqttClient, type IClientOptions } from 'mqtt'
import { nextAddressMs, serverName } from '../../config/dialling'
import { usesTls, type BrokerUrl } from './broker-settings'
import { MAX_PACKET_BYTES } from './filter-packets'

/**
 * @param settings certificates and the like, for an address that is encrypted; asked for again when the client reconnects
 * @throws Error when Node.js cannot read the certificates
 */
export function dial(
  url: BrokerUrl,
  settings: () => object | undefined,
  options: IClientOptions & { readonly connectTimeout: number },
): MqttClient {
  const { protocol, hostname: host, port, path } = url
  const reach = { autoSelectFamilyAttemptTimeout: nextAddressMs(options.connectTimeout) }
  const secure = (): object => (usesTls(url) ? { ...serverName(host), ...settings() } : {})
  switch (protocol) {
    case 'mqtt':
      return new MqttClient(() => net.connect({ host, port, ...reach }), options)
    case 'mqtts': {
      const all = { ...options, ...reach, ...secure(), protocol, host, port }
      return renewing(connect(all), () => Object.assign(all, secure()))
    }
    case 'ws':
    case 'wss': {
      // The library for WebSockets would end a connection at a message of 100 MiB.
      const wsOptions = { ...reach, ...secure(), maxPayload: MAX_PACKET_BYTES, ...zoneOf(url) }
      const client = connect({ ...options, protocol, hostname: hostInUrl(host), port, path, wsOptions })
      return renewing(client, () => Object.assign(wsOptions, secure()))
    }
  }
}

/** MQTT.js connects again with the object that it was given. */
function renewing(client: MqttClient, renew: () => void): MqttClient {
  return client.on('reconnect', renew)
}

function hostInUrl(host: string): string {
  return net.isIPv6(host) ? `[${host.replace(/%.*/, '')}]` : host
}

/** The zone is left out of the URL, and put in again where the socket is made. */
function zoneOf(url: BrokerUrl): object {
  const { hostname: host } = url
  if (!host.includes('%')) return {}
  const at = (options: object): tls.ConnectionOptions & net.TcpNetConnectOpts => ({
    ...(options as net.TcpNetConnectOpts),
    path: undefined,
    host,
  })
  return {
    createConnection: (options: object) =>
      usesTls(url) ? tls.connect(at(options)) : net.connect(at(options)),
  }
}
