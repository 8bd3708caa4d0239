/**
 * The node `tenant-batch`: once before nodes that look at one message, where it splits batches, and once after them, where
 * it joins the messages into the same batches again, for a sink by ledger.
 */
import type { Node, NodeAPI, NodeDef, NodeMessage } from 'node-red'
import { readOptions } from '../../src/config/options'
import { BatchJoin } from '../../src/delivery/batch/batch-join'
import { BatchSplit } from '../../src/delivery/batch/batch-split'
import { BatchNotes } from '../../src/delivery/batch/batch-notes'
import { flowTracking, type TrackingRuntime } from '../../src/delivery/flow/flow-tracking'
import { runNode } from '../../src/runtime/run-node'
import type { Message } from '../../src/wire/message'
import { options } from './options'

export = function (RED: NodeAPI): void {
  const { tracker } = flowTracking(RED as unknown as TrackingRuntime)

  RED.nodes.registerType('tenant-batch', function (this: Node, config: NodeDef) {
    RED.nodes.createNode(this, config)
    runNode(RED, this, ({ log, status, send, describe, onClose, refresh }) => {
      const { mode } = readOptions(options, config)
      const notes = new BatchNotes(log, performance.now())
      onClose(() => notes.close())
      const clone = (message: Message): Message => RED.util.cloneMessage(message as NodeMessage) as Message
      const worker =
        mode === 'split'
          ? new BatchSplit({ tracker, nodeId: this.id, clone, describe, notes })
          : new BatchJoin({ tracker, node: this, send: (batch) => send(0, batch), notes })
      onClose(() => worker.close())
      const show = (): void => status.set(notes.status(worker.waiting, performance.now()))
      show()
      refresh(show)
      return (message, sendOn, done) => worker.receive(message, sendOn, done)
    })
  })
}
