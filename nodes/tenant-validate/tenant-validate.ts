/**
 * The node `tenant-validate`: lets records pass whose payload fits a JSON Schema. The others leave by the second output, with
 * all reasons.
 */
import type { Node, NodeAPI, NodeDef } from 'node-red'
import { readOptions } from '../../src/config/options'
import { flowTracking, type TrackingRuntime } from '../../src/delivery/flow/flow-tracking'
import { requireList } from '../../src/delivery/record-number'
import {
  failRecords,
  rejectedMessage,
  type FailedRecord,
  type Rejecter,
} from '../../src/delivery/sinks/rejected-message'
import { CountLog } from '../../src/log/count-log'
import { runNode } from '../../src/runtime/run-node'
import { unmatchedStatus } from '../../src/tenant/unmatched-status'
import { compileRules } from '../../src/validate/compile-rules'
import { describeInvalid } from '../../src/validate/reasons'
import { RecordValidator } from '../../src/validate/record-validator'
import { ValidationCounts } from '../../src/validate/validation-counts'
import { validateMessage } from '../../src/validate/validate-message'
import { isRecord } from '../../src/wire/message'
import { addCheckRoute } from './check-route'
import { options } from './options'

export = function (RED: NodeAPI): void {
  const { tracker } = flowTracking(RED as unknown as TrackingRuntime)
  addCheckRoute(RED)

  RED.nodes.registerType('tenant-validate', function (this: Node, config: NodeDef) {
    RED.nodes.createNode(this, config)
    runNode(RED, this, ({ log, status, isWired, describe, onClose, refresh, watch }) => {
      const { rules, unknownFields, noRule, deadLetters } = readOptions(options, config)
      const { userDir = '.' } = RED.settings as { userDir?: string }
      const validator = new RecordValidator({ rules: compileRules(rules, userDir), unknownFields, noRule })
      const rejecter: Rejecter = {
        tracker,
        nodeId: this.id,
        describe: (error) => describeInvalid(describe(error), error),
        mayEnd: deadLetters === 'outputUnstored',
      }
      const counted = new CountLog(log, {
        code: 'INVALID',
        text: (count) => `${count} ${count === 1 ? 'record does' : 'records do'} not fit the rules`,
      })
      onClose(() => counted.close())
      const counts = new ValidationCounts()
      watch({ samples: () => counts.samples() })
      let latestMs = 0
      const show = (): void =>
        status.set(unmatchedStatus(counts.invalid, performance.now() - latestMs, 'notValid'))
      show()
      refresh(show)
      const note = (refused: readonly FailedRecord[]): void => {
        for (const { record, error } of refused) {
          const tenant = isRecord(record) ? record.tenant : undefined
          counts.refuse(error.code, tenant)
          counted.add(1, tenant)
        }
        latestMs = performance.now()
        show()
      }

      return (message, send, done) => {
        requireList(message, tracker.find(message)?.size ?? 0)
        const { accepted, refused, unchecked } = validateMessage(validator, message)
        counts.accept(accepted.length - unchecked, unchecked)
        const [first] = refused
        if (first === undefined) {
          send([message])
          return done()
        }
        note(refused)
        const rest = accepted.length === 0 ? null : { ...message, payload: accepted }
        if (isWired(1)) {
          send([rest, refused.map(({ record, error }) => rejectedMessage(rejecter, message, record, error))])
          return done()
        }
        // With nothing wired to take them, the rest is sent on, and a Catch node gets only what is invalid.
        failRecords(rejecter, message, refused, first.error)
        if (rest !== null) send([rest])
        done(first.error)
      }
    })
  })
}
