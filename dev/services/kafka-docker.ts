/** The official Kafka image, for machines that have a Docker engine and no Java. Its data ends with it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { endWithUs, hasEnded } from './guard'
import { KAFKA_VERSION } from './kafka-jars'
import { LOOPBACK } from './kafka-broker'
import { run } from './run'

export const KAFKA_IMAGE = `apache/kafka:${KAFKA_VERSION}`

/** Whether a Docker engine answers, not only its command line. */
export async function dockerAnswers(): Promise<boolean> {
  const { ok } = await run('docker', ['version', '--format', '{{.Server.Version}}'])
  return ok
}

/** @returns the function that stops the container */
export function startContainer(port: number): () => Promise<void> {
  const environment: Record<string, string> = {
    KAFKA_NODE_ID: '1',
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
    KAFKA_LISTENERS: `PLAINTEXT://:${port},CONTROLLER://:9093`,
    KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://${LOOPBACK}:${port}`,
    KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
    KAFKA_HEAP_OPTS: '-Xmx512m',
  }
  const settings = Object.entries(environment).flatMap(([name, value]) => ['-e', `${name}=${value}`])
  // In the foreground: the command line passes SIGTERM on, so the guard's signal reaches the container.
  const child = spawn(
    'docker',
    ['run', '--rm', '-p', `${LOOPBACK}:${port}:${port}`, ...settings, KAFKA_IMAGE],
    { detached: true, stdio: 'ignore' },
  )
  const { pid } = child
  if (pid !== undefined) endWithUs(pid)
  child.on('error', () => undefined)
  child.on('exit', () => {
    if (pid !== undefined) hasEnded(pid)
  })
  return async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
  }
}
