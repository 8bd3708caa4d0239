/**
 * The node `tenant-dead-letter`: keeps what a reject output or a Catch node hands it, with the reason, in a Kafka
 * topic or a PostgreSQL table. The delivery is confirmed when the dead letter is durable, and not before.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { deadLettersOf, type DeadLetter } from '../../src/dead-letters/dead-letter'
import { DeadLetterQueue } from '../../src/dead-letters/dead-letter-queue'
import { flowTracking, type TrackingRuntime } from '../../src/delivery/flow/flow-tracking'
import { receive } from '../../src/delivery/sinks/receipt'
import { CountLog } from '../../src/log/count-log'
import { OutageLog } from '../../src/log/outage-log'
import { IdleCheck } from '../../src/runtime/idle-check'
import { runNode } from '../../src/runtime/run-node'
import { phrase } from '../../src/status/phrase'
import { Counts } from '../../src/watch/counts'
import { tenantCounts } from '../../src/watch/tenants'
import { CLOSE_BUDGET_MS, settlesWithin } from '../../src/time/deadline'
import { asPipelineError, type PipelineError } from '../../src/wire/errors'
import { openTarget, type DeadLetterDef } from './target'

export = function (RED: NodeAPI): void {
  const { tracker } = flowTracking(RED as unknown as TrackingRuntime)

  RED.nodes.registerType('tenant-dead-letter', function (this: Node, config: NodeDef & DeadLetterDef) {
    RED.nodes.createNode(this, config)
    runNode(RED, this, ({ log, status, onClose, refresh, watch }) => {
      const target = openTarget(config, (id) => RED.nodes.getNode(id))
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
      let ofQueue: PipelineError | undefined
      const idle = new IdleCheck(() => target.look())
      const reasons = new Counts()
      const tenants = tenantCounts()
      watch({
        samples: () => ({
          tenant_pipeline_dead_letters_total: reasons.all,
          tenant_pipeline_tenant_dead_letters_total: tenants?.all,
        }),
        unready: () => ofQueue ?? idle.problem,
      })

      const showStatus = (): void => {
        const problem = ofQueue ?? idle.problem
        outage.report(problem, { counts: { waiting } })
        if (problem !== undefined) {
          return status.set({ fill: 'red', shape: 'ring', text: problem.status })
        }
        const text = [phrase('written', { number: written })]
        if (waiting > 0) text.push(phrase('inFlight', { number: waiting }))
        status.set({ fill: 'green', shape: 'dot', text })
      }
      showStatus()
      const queue = new DeadLetterQueue({
        target,
        onProblem: (current) => {
          ofQueue = current
          showStatus()
        },
      })
      refresh(() => {
        idle.look(performance.now(), written, waiting > 0)
        showStatus()
      })
      for (const each of [outage, late, stored]) onClose(() => each.close())
      onClose(() => target.close())
      onClose(async () => {
        await settlesWithin(queue.idle(), ofQueue ? OUTAGE_BUDGET_MS : CLOSE_BUDGET_MS)
        queue.close()
      })

      return async (message, _send, done) => {
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
        for (const { tenant, code } of letters) {
          stored.add(1, tenant)
          reasons.add(code ?? 'none')
          tenants?.add(tenant ?? '')
        }
        receipt.noteDeadLetters(letters.length)
        receipt.confirm()
        showStatus()
        done()
      }
    })
  })
}

/** A target that cannot be reached is unlikely to recover now; sources emit again what is given back. */
const OUTAGE_BUDGET_MS = 1000

const LATE =
  'a dead letter arrived after its message was settled: an older node on the way keeps messages without saying so. It is written all the same'
