/** Makes a node one that is watched: what every node counts, and what its own code adds when it has started. */
import type { EventLog } from '../log/event-log'
import { EVENTS, isPossibleLoss, type EventCode } from '../log/events'
import type { PipelineError } from '../wire/errors'
import { watchedNodes, type Samples, type Watched, type WatchedNodes } from '../watch/watched-nodes'

interface Node {
  readonly id: string
  readonly type: string
  readonly name?: string
  /** Of a node inside a subflow. */
  readonly _alias?: string
  /** Why its configuration was refused. */
  readonly problem?: PipelineError
}

/** Whose reports of a possible loss are shown as 0 before there is one: an alert needs something to grow from. */
const LOSSES: Readonly<Record<string, readonly EventCode[]>> = {
  'tenant-mqtt-source': lossesOf('MQTT_'),
  'tenant-kafka-consumer': lossesOf('KAFKA_'),
}

function lossesOf(system: string): readonly EventCode[] {
  return (Object.keys(EVENTS) as EventCode[]).filter(
    (code) => isPossibleLoss(code) && code.startsWith(system),
  )
}

/** A configuration node: its lines in the log. Those that use it say whether they are ready. @returns what ends it */
export function watchConfigNode(
  { id, type, name }: Node,
  log: EventLog,
  nodes: WatchedNodes = watchedNodes,
): () => void {
  return nodes.add({ id, type, name, samples: () => ({ tenant_pipeline_events_total: log.counts }) })
}

/** A node of the flow. @returns the function that ends it */
export function watchNode(
  node: Node,
  log: EventLog,
  own: () => Watched,
  nodes: WatchedNodes = watchedNodes,
): () => void {
  const { id, type, name, _alias: idInFlow } = node
  const losses = LOSSES[type] ?? []
  return nodes.add({
    id,
    idInFlow,
    type,
    name,
    samples: (): Samples => {
      const lost = [...log.counts].filter(([code]) => isPossibleLoss(code))
      return {
        tenant_pipeline_events_total: log.counts,
        tenant_pipeline_possible_loss_total: new Map([...losses.map((code) => [code, 0] as const), ...lost]),
        ...own().samples?.(),
      }
    },
    unready: () => node.problem ?? own().unready?.(),
    paused: () => own().paused?.(),
    status: () => own().status?.() ?? {},
  })
}
