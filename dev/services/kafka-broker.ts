/**
 * One Kafka broker in a process of its own, broker and KRaft controller at once. It can be stopped, killed, frozen
 * and started again on the same port and data: that is what the fault tests need.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freezeProcess } from './frozen'
import { endWithUs, hasEnded } from './guard'
import { run } from './run'

export const LOOPBACK = '127.0.0.1'
const STOP_LIMIT_MS = 30_000
/** Any valid id will do: the clusters of this module never meet. */
const CLUSTER_ID = 'dGVuYW50LXBpcGVsaW5lLQ'

export interface BrokerPlan {
  readonly id: number
  readonly port: number
  readonly controllerPort: number
  readonly folder: string
  readonly jars: string
  readonly heapMb: number
  /** For the JVM of the broker, such as `-javaagent:…`. */
  readonly jvm: readonly string[]
  /** Lines for `server.properties` that replace ours, such as `message.max.bytes`. */
  readonly properties: Readonly<Record<string, string>>
  readonly proxied: ProxiedListener | undefined
  /** Besides the one without TLS and login, which is always there. */
  readonly listeners: readonly (SecuredListener & { readonly port: number })[]
  readonly scramUsers: readonly ScramUser[]
}

/** A listener with TLS or a login, on a port of its own. */
export interface SecuredListener {
  /** Capital letters and underscores. */
  readonly name: string
  readonly protocol: 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
  /** What Kafka calls `listener.name.<name>.<property>`, such as `ssl.keystore.location`. */
  readonly properties?: Readonly<Record<string, string>>
}

/** Written to the storage when it is formatted. */
export interface ScramUser {
  readonly mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  readonly name: string
  readonly password: string
}

/**
 * A second listener, for clients that reach the broker through a proxy: the broker tells clients of this listener to
 * continue through the proxy. The brokers among themselves, and a test that looks on, use the first listener.
 */
export interface ProxiedListener {
  /** Where the broker listens, and the proxy connects to. */
  readonly port: number
  /** The proxy's port. */
  readonly advertisedPort: number
}

export class KafkaBroker {
  private child: ChildProcess | undefined

  private constructor(
    private readonly plan: BrokerPlan,
    private readonly cluster: readonly BrokerPlan[],
  ) {}

  /** Writes the configuration, and formats the storage if it is new. */
  static async prepare(plan: BrokerPlan, cluster: readonly BrokerPlan[]): Promise<KafkaBroker> {
    const broker = new KafkaBroker(plan, cluster)
    await mkdir(plan.folder, { recursive: true })
    await writeFile(broker.file('server.properties'), broker.properties())
    await writeFile(broker.file('log4j2.properties'), logging(broker.file('server.log')))
    const formatted = await run('java', [
      ...broker.javaOptions(64),
      'kafka.tools.StorageTool',
      'format',
      '--ignore-formatted',
      '--cluster-id',
      CLUSTER_ID,
      '--config',
      broker.file('server.properties'),
      ...plan.scramUsers.flatMap(({ mechanism, name, password }) => [
        '--add-scram',
        `${mechanism}=[name=${name},password=${password}]`,
      ]),
    ])
    if (!formatted.ok) throw new Error(`Kafka's storage tool failed:\n${formatted.output.slice(-2000)}`)
    return broker
  }

  get id(): number {
    return this.plan.id
  }

  get address(): string {
    return `${LOOPBACK}:${this.plan.port}`
  }

  get running(): boolean {
    return this.child !== undefined
  }

  /** `undefined` while it does not run. */
  get pid(): number | undefined {
    return this.child?.pid
  }

  /** Starts the process; the caller waits until the cluster answers. */
  start(): void {
    if (this.child !== undefined) return
    const output = openSync(this.file('output.log'), 'a')
    const child = spawn(
      'java',
      [
        ...this.plan.jvm,
        ...this.javaOptions(this.plan.heapMb),
        'kafka.Kafka',
        this.file('server.properties'),
      ],
      // A group of its own: Ctrl-C in the terminal must reach the broker last, from us.
      { cwd: this.plan.folder, detached: true, stdio: ['ignore', output, output] },
    )
    closeSync(output)
    this.child = child
    const { pid } = child
    if (pid !== undefined) endWithUs(pid)
    child.on('error', () => (this.child = undefined))
    child.on('exit', () => {
      if (pid !== undefined) hasEnded(pid)
      if (this.child === child) this.child = undefined
    })
  }

  /** Stops the process and waits for its end; SIGKILL is a crash. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const { child } = this
    if (child === undefined) return
    const ended = new Promise<true>((resolve) => child.once('exit', () => resolve(true)))
    child.kill(signal)
    child.kill('SIGCONT')
    const inTime = await Promise.race([ended, sleep(STOP_LIMIT_MS, false, { ref: false })])
    if (inTime) return
    child.kill('SIGKILL')
    await ended
  }

  /** Resolves when the process is frozen: connections stay open, and nothing answers. */
  async freeze(): Promise<void> {
    if (this.pid !== undefined) await freezeProcess(this.pid)
  }

  thaw(): void {
    this.child?.kill('SIGCONT')
  }

  /** The end of what it has logged, for an error message. */
  async lastWords(): Promise<string> {
    const texts = await Promise.all(
      ['output.log', 'server.log'].map((name) => readFile(this.file(name), 'utf8').catch(() => '')),
    )
    return texts.map((text) => text.slice(-1500)).join('\n')
  }

  private file(name: string): string {
    return path.join(this.plan.folder, name)
  }

  private javaOptions(heapMb: number): string[] {
    return [
      `-Xmx${heapMb}m`,
      '-Djava.awt.headless=true',
      `-Dlog4j2.configurationFile=${this.file('log4j2.properties')}`,
      '-cp',
      path.join(this.plan.jars, '*'),
    ]
  }

  private properties(): string {
    const { plan, cluster } = this
    const secured = plan.listeners.map(({ name, port }) => `${name}://${LOOPBACK}:${port}`)
    const replicas = String(cluster.length)
    const minInSync = cluster.length === 1 ? '1' : '2'
    const lines: Record<string, string> = {
      'process.roles': 'broker,controller',
      'node.id': String(plan.id),
      'controller.quorum.voters': cluster
        .map(({ id, controllerPort }) => `${id}@${LOOPBACK}:${controllerPort}`)
        .join(','),
      listeners: [
        `PLAINTEXT://${this.address}`,
        `CONTROLLER://${LOOPBACK}:${plan.controllerPort}`,
        ...(plan.proxied === undefined ? [] : [`PROXIED://${LOOPBACK}:${plan.proxied.port}`]),
        ...secured,
      ].join(','),
      'advertised.listeners': [
        `PLAINTEXT://${this.address}`,
        ...(plan.proxied === undefined ? [] : [`PROXIED://${LOOPBACK}:${plan.proxied.advertisedPort}`]),
        ...secured,
      ].join(','),
      'controller.listener.names': 'CONTROLLER',
      'inter.broker.listener.name': 'PLAINTEXT',
      'listener.security.protocol.map': [
        'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT',
        ...plan.listeners.map(({ name, protocol }) => `${name}:${protocol}`),
      ].join(','),
      'log.dirs': this.file('data'),
      // A killed broker can register again only when its last session is over.
      'broker.heartbeat.interval.ms': '500',
      'broker.session.timeout.ms': '4000',
      // By default the cleaner of compacted topics takes 128 MB at the start, which is half of the heap.
      'log.cleaner.dedupe.buffer.size': '4194304',
      'auto.create.topics.enable': 'false',
      'default.replication.factor': replicas,
      'min.insync.replicas': minInSync,
      'offsets.topic.num.partitions': '8',
      'offsets.topic.replication.factor': replicas,
      'transaction.state.log.replication.factor': replicas,
      'transaction.state.log.min.isr': minInSync,
      'share.coordinator.state.topic.replication.factor': replicas,
      'share.coordinator.state.topic.min.isr': minInSync,
      'group.initial.rebalance.delay.ms': '0',
      ...Object.fromEntries(plan.listeners.flatMap(listenerProperties)),
      ...plan.properties,
    }
    return Object.entries(lines)
      .map(([name, value]) => `${name}=${value}\n`)
      .join('')
  }
}

function listenerProperties({ name, properties = {} }: SecuredListener): [string, string][] {
  const prefix = `listener.name.${name.toLowerCase()}.`
  return Object.entries(properties).map(([key, value]) => [prefix + key, value])
}

function logging(file: string): string {
  return `appender.file.type=RollingFile
appender.file.name=FILE
appender.file.fileName=${file}
appender.file.filePattern=${file}.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d %p %m (%c)%n
appender.file.policies.type=Policies
appender.file.policies.size.type=SizeBasedTriggeringPolicy
appender.file.policies.size.size=20MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=2
rootLogger.level=INFO
rootLogger.appenderRef.file.ref=FILE
`
}
