import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { runConfigNode, runNode, type RefusedNode } from '../../../src/runtime/run-node'
import { PipelineError } from '../../../src/wire/errors'
import { until } from '../../support/until'

class FakeNode extends EventEmitter implements RefusedNode {
  readonly id = 'n1'
  readonly type = 'tenant-test'
  readonly wires = [[], ['other']]
  readonly said: unknown[] = []
  problem?: PipelineError
  log = (entry: object): number => this.said.push({ ...entry })
  error = this.log
  status = (shown: object): number => this.said.push(shown)
  send = (messages: unknown): number => this.said.push(messages)
}

const RED = { _: (key: string): string => key }
const wrong = new PipelineError('CONFIG_INVALID', 'no', { retryable: false, status: 'checkUrl' })
const refusal = { message: 'no', code: 'CONFIG_REFUSED', node: 'n1', reason: 'CONFIG_INVALID' }

describe('runNode', () => {
  it('hands messages to what its start returned, and releases what was opened last first', async () => {
    const node = new FakeNode()
    const released: string[] = []
    runNode(RED, node, ({ isWired, send, onClose }) => {
      assert.deepEqual([isWired(), isWired(1), isWired(2)], [false, true, false])
      onClose(() => Promise.resolve().then(() => released.push('first')))
      onClose(() => {
        released.push('second')
        throw new TypeError('no')
      })
      return (message, _send, done) => {
        send(1, message)
        done()
      }
    })
    let done = false
    node.emit('input', { payload: 1 }, undefined, () => (done = true))
    assert.deepEqual([done, node.said], [true, [[null, { payload: 1 }]]])
    let closed = false
    node.emit('close', false, () => (closed = true))
    assert.deepEqual(released, ['second'])
    await until('it is closed', () => closed)
    assert.deepEqual(released, ['second', 'first'])
  })

  it('refuses a configuration in red and in the log, and messages until it is deployed again', () => {
    const node = new FakeNode()
    runNode(RED, node, () => {
      throw wrong
    })
    assert.deepEqual(node.said, [refusal, { fill: 'red', shape: 'ring', text: 'check the URL' }])
    let told: PipelineError | undefined
    node.emit('input', {}, undefined, (error: PipelineError) => (told = error))
    assert.equal(told, node.problem)
    assert.equal(told?.retryable, true)
  })

  it('lets a config node say its problem, without a status', () => {
    const node = new FakeNode()
    runConfigNode(node, () => {
      throw wrong
    })
    assert.deepEqual([node.problem?.statusText, node.said], ['check the URL', [refusal]])
  })
})
