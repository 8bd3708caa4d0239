/**
 * The one tracker of a Node-RED process, shared by all sources and sinks, and the gate that stops sources while
 * a deploy replaces nodes: what is sent into a flow that is being rebuilt is dropped by the router.
 *
 * The hooks are installed while there is a source, so a flow without one pays nothing. Every node module that
 * has to do with deliveries calls `flowTracking(RED)` when it is loaded, so that the first deploy is seen.
 */
import { PipelineError } from '../../wire/errors'
import { FlowHooks, HOOK_LABEL } from './flow-hooks'
import type {} from '../delivery'
import type { FlowConfig } from './flow-walk'
import { DeliveryTracker } from '../tracker'
import type { FlowNode, Events, Hooks } from '../../runtime/host'

const SWEEP_INTERVAL_MS = 1000

/** What the tracking needs of `RED`. */
export interface TrackingRuntime {
  readonly hooks: Hooks
  readonly events: Events
  readonly nodes: {
    getNode(id: string): unknown
    eachNode(
      callback: (config: { id: string; type: string; z?: string; d?: boolean; disabled?: boolean }) => void,
    ): void
  }
}

export class FlowTracking {
  readonly tracker = new DeliveryTracker({ now: () => performance.now(), nextMacrotask: setImmediate })
  private flowHooks: FlowHooks | undefined
  private users = 0
  private deploying = false
  private sweep: NodeJS.Timeout | undefined
  private sweptAtMs = 0
  /** The last look has failed nothing, because the event loop had been blocked. */
  private gaveTime = false
  private readonly onOpen = new Set<() => void>()
  /** Nodes that wires lead to and that this deploy has not; asked for with each message, so looked up once. */
  private readonly gone = new Set<string>()
  /** The nodes that this deploy has switched on; made when one is asked for. */
  private enabled: ReadonlySet<string> | undefined

  constructor(private readonly runtime: TrackingRuntime) {
    const closeGate = (): void => {
      this.deploying = true
      this.forgetNodes()
    }
    runtime.events.on('flows:stopping', closeGate)
    runtime.events.on('flows:starting', closeGate)
    runtime.events.on('flows:started', () => this.openGate())
  }

  /** False while a deploy is under way: a source must not emit then. */
  get gateOpen(): boolean {
    return !this.deploying
  }

  /**
   * A source starts to use the tracking.
   * @param onGateOpen called whenever a deploy has finished, after the deliveries it lost have been failed
   * @returns the function that ends the use
   */
  acquire(onGateOpen: () => void): () => void {
    if (this.users === 0) this.install()
    this.users++
    this.onOpen.add(onGateOpen)
    let released = false
    return () => {
      if (released) return
      released = true
      this.onOpen.delete(onGateOpen)
      if (--this.users === 0) this.uninstall()
    }
  }

  /** The flow file as it is deployed. */
  flowConfigs(): FlowConfig[] {
    const configs: FlowConfig[] = []
    this.runtime.nodes.eachNode((config) => configs.push(config))
    return configs
  }

  private install(): void {
    const { runtime } = this
    if (runtime.hooks.has(`onSend.${HOOK_LABEL}`)) throw otherVersion()
    this.flowHooks = new FlowHooks({
      tracker: this.tracker,
      hooks: runtime.hooks,
      isDeploying: () => this.deploying,
      getNode: (id) => runtime.nodes.getNode(id),
      isGone: (id) => this.isGone(id),
      nextMacrotask: setImmediate,
      after: (ms, run) => void setTimeout(run, ms).unref(),
    })
    this.sweptAtMs = performance.now()
    this.sweep = setInterval(() => this.lookForStalled(), SWEEP_INTERVAL_MS)
    this.sweep.unref()
  }

  /**
   * A look that comes late was held up, and so was every message: something has blocked the event loop. Timers come
   * before what waits there, so messages get until the next look. To fail them would send them again behind newer
   * ones of their device.
   */
  private lookForStalled(): void {
    const now = performance.now()
    const wasBlocked = now - this.sweptAtMs > 2 * SWEEP_INTERVAL_MS
    this.sweptAtMs = now
    this.gaveTime = wasBlocked && !this.gaveTime
    if (!this.gaveTime) this.tracker.failStalled()
  }

  private uninstall(): void {
    this.flowHooks?.remove()
    clearInterval(this.sweep)
  }

  private isGone(id: string): boolean {
    if (this.gone.has(id)) return true
    this.enabled ??= enabledNodes(this.runtime)
    if (this.enabled.has(id) || this.runtime.nodes.getNode(id)) return false
    this.gone.add(id)
    return true
  }

  private forgetNodes(): void {
    this.gone.clear()
    this.enabled = undefined
  }

  private openGate(): void {
    this.deploying = false
    this.forgetNodes()
    this.tracker.failLostCopies((node: FlowNode) => this.runtime.nodes.getNode(node.id) === node)
    for (const notify of this.onOpen) notify()
  }
}

/**
 * Two installed copies of this package share one tracking, by this name on the runtime. A change of what they share
 * gets another number; then the second copy refuses to run.
 */
const TRACKING = Symbol.for('@iot-bridge/node-red-tenant-pipeline/tracking/1')

/** The tracking of this runtime: the same object for every node module. */
export function flowTracking(runtime: TrackingRuntime): FlowTracking {
  const shared = runtime.events as { [TRACKING]?: FlowTracking }
  return (shared[TRACKING] ??= new FlowTracking(runtime))
}

function otherVersion(): PipelineError {
  return new PipelineError(
    'PACKAGE_TWICE',
    'another version of @iot-bridge/node-red-tenant-pipeline runs in this Node-RED, and the two do not understand each ' +
      "other: remove one of them from the palette or from Node-RED's user directory, and restart Node-RED",
    { retryable: false, status: 'twoVersions' },
  )
}

/** The nodes that the flow file has switched on, in tabs that are switched on. */
function enabledNodes(runtime: TrackingRuntime): ReadonlySet<string> {
  const disabledTabs = new Set<string>()
  const tabs = new Map<string, string | undefined>()
  runtime.nodes.eachNode((config) => {
    if (config.type === 'tab' && config.disabled === true) disabledTabs.add(config.id)
    if (config.d !== true) tabs.set(config.id, config.z)
  })
  return new Set([...tabs].flatMap(([id, tab]) => (tab !== undefined && disabledTabs.has(tab) ? [] : [id])))
}
