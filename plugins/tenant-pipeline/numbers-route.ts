/** What the sidebar asks for once a second while it is open: the numbers of each node, and the history since it asked last. */
import type { NodeAPI } from 'node-red'
import { History } from '../../src/watch/history'
import { overviewOf, type Overview } from '../../src/watch/overview'
import type { WatchedNodes } from '../../src/watch/watched-nodes'

/** GET `<id>/nodes?after=<milliseconds since 1970>` */
export function addNumbersRoute(RED: NodeAPI, id: string, watched: WatchedNodes): void {
  const history = new History(() =>
    Object.fromEntries(
      overviewOf(watched).flatMap((node) => (node.passed === undefined ? [] : [[node.id, node.passed]])),
    ),
  )
  RED.httpAdmin.get(`/${id}/nodes`, RED.auth.needsPermission(`${id}.read`), ({ query }, response) => {
    const answer: Overview = {
      nowMs: performance.now(),
      nodes: overviewOf(watched),
      ticks: history.after(Number(query['after']) || 0),
    }
    response.set('cache-control', 'no-store').json(answer)
  })
}
