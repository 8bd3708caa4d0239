/** How long, and under which name, a connection is tried: the same for MQTT, Kafka and PostgreSQL. */
import { isIP } from 'node:net'

/** Node.js's own time for each address of a name, before it takes the next one. */
const SHORTEST_MS = 250
/** A name has an IPv6 and an IPv4 address; and one of the two may have a second. */
const ADDRESSES = 3

/**
 * How long one address of a name may take before the next one is tried, for `autoSelectFamilyAttemptTimeout`. The 250 ms
 * of Node.js are too short for a slow link: it would give up each address in turn, and never connect.
 */
export function nextAddressMs(connectTimeoutMs: number): number {
  return Math.max(SHORTEST_MS, Math.floor(connectTimeoutMs / ADDRESSES))
}

/** For `tls.connect`: the name that the certificate is asked for. An IP address has none, and the last dot is for DNS only. */
export function serverName(host: string): { servername?: string } {
  return isIP(host) === 0 ? { servername: host.replace(/\.$/, '') } : {}
}
