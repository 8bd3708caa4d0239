/** What an operator can do with a node, by the routes of its type; each needs the permission to change that type. */
import { asker, confirm } from '../../../editor/ask'
import type { EditorNode } from '../../../editor/node'
import { stoppedPartitions } from '../../../nodes/tenant-kafka-consumer/editor/stopped-form'
import { shownNumber } from '../../../src/status/shown-number'
import type { NodeOverview } from '../../../src/watch/overview'
import { nameOf, nodeInFlow } from './node-names'
import { words } from './words'

export type ActionName = 'pause' | 'resume' | 'release' | 'replay'

interface Action {
  readonly icon: string
  /** Whether there is something to do for it now. */
  readonly isOffered: (node: NodeOverview) => boolean
  /** @param place where it asks, and where a refusal is shown */
  readonly run: (node: NodeOverview, place: JQuery) => void
}

export const ACTIONS: Readonly<Record<ActionName, Action>> = {
  pause: {
    icon: 'fa-pause',
    isOffered: ({ paused }) => paused === false,
    run: (node, place) => {
      const isMqtt = node.type === 'tenant-mqtt-source'
      const text = words(isMqtt ? 'sidebar.pause.mqtt' : 'sidebar.pause.kafka', { node: nameOf(node) })
      const answers = { no: words('sidebar.cancel'), yes: words('sidebar.action.pause') }
      confirm(text, answers, () => askOf(node, place)('pause', {}, () => undefined))
    },
  },
  resume: {
    icon: 'fa-play',
    isOffered: ({ paused }) => paused === true,
    run: (node, place) => askOf(node, place)('resume', {}, () => undefined),
  },
  release: {
    icon: 'fa-step-forward',
    isOffered: ({ stoppedPartitions: count = 0 }) => count > 0,
    run: (node, place) => stoppedPartitions(running(node), place)(),
  },
  replay: {
    icon: 'fa-repeat',
    isOffered: ({ type }) => type === 'tenant-dead-letter-source',
    run: (node, place) => {
      const ask = askOf(node, place)
      ask('waiting', {}, ({ waiting, more }: { readonly waiting: number; readonly more: boolean }) => {
        if (waiting === 0) return void place.text(words('sidebar.replay.none'))
        const values = { node: nameOf(node), count: `${shownNumber(waiting)}${more ? '+' : ''}` }
        const answers = { no: words('sidebar.cancel'), yes: words('sidebar.action.replay') }
        confirm(words('sidebar.replay.confirm', values), answers, () =>
          ask('waiting/replay', {}, () => undefined),
        )
      })
    },
  },
}

export const mayAct = ({ type }: NodeOverview): boolean => RED.user.hasPermission(`${type}.write`)

/** The names of the actions that make sense now. */
export function offered(node: NodeOverview): ActionName[] {
  return (Object.keys(ACTIONS) as ActionName[]).filter((name) => ACTIONS[name].isOffered(node))
}

const askOf = (node: NodeOverview, place: JQuery): ReturnType<typeof asker> =>
  asker(node.type, running(node), place, 'sidebar.noAnswer')

/** As dialogs have a node, under the id under which it runs. Its own words, and those of the sidebar. */
function running(node: NodeOverview): EditorNode {
  const inFlow = nodeInFlow(node)
  const say = (key: string, values?: object): string =>
    key.startsWith('sidebar.') || inFlow === undefined ? words(key, values) : inFlow._(key, values)
  return { ...(inFlow as EditorNode), id: node.id, type: node.type, _: say }
}
