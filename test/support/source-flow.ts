/** A flow with one MQTT source and a test sink after it, and what the source shows and says. */
import brokerNode from '../../nodes/tenant-mqtt-broker/tenant-mqtt-broker'
import sourceNode from '../../nodes/tenant-mqtt-source/tenant-mqtt-source'
import type { NodeStatus } from '../../src/runtime/host'
import { deliveryNodes, type TestSink } from './delivery-nodes'
import { helper, loadFlow, type FlowEntry } from './runtime'
import { until } from './until'

export interface SourceFlowOptions {
  readonly url: string
  /** Client id, and first level of the topic. */
  readonly name: string
  readonly broker?: object
  readonly source?: object
  readonly wires?: readonly (readonly string[])[]
  readonly more?: readonly FlowEntry[]
}

type Listener = (call: { args: unknown[] }) => void

export class SourceFlow {
  status: NodeStatus = {}
  /** Everything that it has written to the log. */
  readonly log: string[] = []
  /** Every different text of the status, in order. */
  readonly statusTexts: string[] = []

  static async start(options: SourceFlowOptions): Promise<SourceFlow> {
    await loadFlow([brokerNode, sourceNode, deliveryNodes], SourceFlow.entries(options))
    return SourceFlow.attach()
  }

  /** Of the nodes that run now, such as after a deploy of changed `entries`. */
  static attach(id = 'source'): SourceFlow {
    return new SourceFlow(id)
  }

  static entries({
    url,
    name,
    broker = {},
    source = {},
    wires = [['sink'], []],
    more = [],
  }: SourceFlowOptions): FlowEntry[] {
    return [
      { id: 'tab', type: 'tab' },
      ...more,
      { id: 'broker', type: 'tenant-mqtt-broker', url, clientId: name, ...broker },
      {
        id: 'source',
        z: 'tab',
        type: 'tenant-mqtt-source',
        broker: 'broker',
        topic: `${name}/#`,
        wires,
        ...source,
      },
      { id: 'sink', z: 'tab', type: 'test-sink', wires: [] },
    ]
  }

  private constructor(id: string) {
    const node = helper.getNode(id) as { on(event: string, listener: Listener): void }
    node.on('call:status', ({ args: [status] }) => {
      this.status = status as NodeStatus
      if (this.text !== this.statusTexts.at(-1)) this.statusTexts.push(this.text)
    })
    for (const call of ['call:log', 'call:warn', 'call:error']) {
      node.on(call, ({ args: [entry] }) => this.log.push(textOf(entry)))
    }
  }

  get text(): string {
    return this.status.text ?? ''
  }

  get sink(): TestSink {
    return helper.getNode('sink') as TestSink
  }

  get payloads(): string[] {
    return this.sink.received.map(({ payload }) => String(payload))
  }

  untilConnected(): Promise<void> {
    return this.untilText(/\/s · /)
  }

  untilText(pattern: RegExp): Promise<void> {
    return until(
      () => `the source shows ${String(pattern)} (it shows "${this.text}")`,
      () => pattern.test(this.text),
    )
  }

  untilLogged(pattern: RegExp): Promise<void> {
    return until(
      () => `the source says ${String(pattern)} (it said ${JSON.stringify(this.log)})`,
      () => this.log.some((line) => pattern.test(line)),
    )
  }
}

/** Of a log entry: an object with the text in `message`, or only a text. */
function textOf(entry: unknown): string {
  const { message } = Object(entry) as { message?: unknown }
  return typeof message === 'string' ? message : String(entry)
}
