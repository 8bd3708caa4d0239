/**
 * The node `tenant-dead-letter`: keeps what a reject output or a Catch node hands it, with the reason, in a Kafka
 * topic or a PostgreSQL table. The delivery is confirmed when the dead letter is durable, and not before.
 */
import { receive } from '../../src/delivery/receipt'
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { flowTracking, type TrackingRuntime } from '../../src/delivery/flow-tracking'
import { CountLog } from '../../src/log/count-log'
import { CLOSE_BUDGET_MS, settlesWithin } from '../../src/time/deadline'
import { asPipelineError, PipelineError } from '../../src/wire/errors'
import { EventLog } from '../../src/log/event-log'
import { closeHandler, inputHandler } from '../../src/runtime/handlers'
import { OutageLog } from '../../src/log/outage-log'
import { StatusLine } from '../../src/runtime/status-line'
import { deadLettersOf, type DeadLetter } from '../../src/dead-letters/dead-letter'
import { DeadLetterQueue } from '../../src/dead-letters/dead-letter-queue'
import { openTarget, type DeadLetterDef, type OpenTarget } from './target'

export = function (RED: NodeAPI): void {
  const { tracker } = flowTracking(RED as unknown as TrackingRuntime)

  RED.nodes.registerType('tenant-dead-letter', function (this: Node, config: NodeDef & DeadLetterDef) {
    RED.nodes.createNode(this, config)
    const status = new StatusLine((shown) => this.status(shown))
    const log = new EventLog(this)
    const outage = new OutageLog(log, {
      away: 'DEAD_LETTERS_WAITING',
      back: 'DEAD_LETTERS_BACK',
      backText: 'dead letters are stored again',
    })
    const late = new CountLog(log, { code: 'LATE_COPY', text: () => LATE })
    const stored = new CountLog(log, {
      code: 'DEAD_LETTERS',
      text: (count) => `${count} ${count === 1 ? 'dead letter' : 'dead letters'} stored`,
    })
    let written = 0
    let waiting = 0
    let problem: PipelineError | undefined

    const showStatus = (): void => {
      const counts = `${written.toLocaleString('en')} written`
      if (problem !== undefined) status.set({ fill: 'red', shape: 'ring', text: problem.statusText })
      else
        status.set({ fill: 'green', shape: 'dot', text: waiting > 0 ? `${counts} · ${waiting} out` : counts })
    }

    let target: OpenTarget | undefined
    try {
      target = openTarget(config, (id) => RED.nodes.getNode(id))
    } catch (error) {
      const { code, message, statusText } = asPipelineError(error)
      // The message is fine, the node is not: it may be tried again when the node has been mended.
      problem = new PipelineError(code, message, { retryable: true, statusText, cause: error })
      log.problem('CONFIG_REFUSED', problem)
    }
    showStatus()
    const queue =
      target &&
      new DeadLetterQueue({
        target,
        onProblem: (current) => {
          outage.look(current, { counts: { waiting } })
          problem = current
          showStatus()
        },
      })

    const store = inputHandler(log, async (message, _send, done) => {
      if (queue === undefined) return done(problem)
      const receipt = receive(tracker, message)
      // Another attempt of this message is under way.
      if (receipt === undefined) return done()
      if (receipt.isLate) late.add(1, message.tenant)
      let letters: readonly DeadLetter[] = []
      try {
        letters = deadLettersOf(message, undefined, receipt.delivery?.origin)
        waiting += letters.length
        await queue.add(letters)
      } catch (error) {
        receipt.release()
        return done(asPipelineError(error))
      } finally {
        waiting -= letters.length
        showStatus()
      }
      written += letters.length
      for (const { tenant } of letters) stored.add(1, tenant)
      receipt.confirm()
      showStatus()
      done()
    })
    this.on('input', store)

    const close = async (): Promise<void> => {
      if (queue !== undefined) await settlesWithin(queue.idle(), problem ? OUTAGE_BUDGET_MS : CLOSE_BUDGET_MS)
      queue?.close()
      await target?.close()
      for (const each of [outage, late, stored]) each.close()
      status.close()
    }
    this.on('close', closeHandler(log, close))
  })
}

/** A target that cannot be reached will hardly come back now; the sources emit again what is given back. */
const OUTAGE_BUDGET_MS = 1000

const LATE =
  'a dead letter came after its message was settled: an older node on the way keeps messages without saying so. It is written all the same'
