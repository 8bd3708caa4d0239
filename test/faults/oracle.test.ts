/** The checker itself: each kind of harm, done on purpose, must be found. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { examine, type Findings, type FoundRecord } from './oracle'
import type { Intent } from './publisher/logs'

const TOPIC = 'mtic/msg/client/realtime/tenant-1/project-2/sensor-001'

function payload(id: string): Buffer {
  return Buffer.from(`{ "id":"${id}", "value":1.0 }`)
}

function intent(n: number, topic = TOPIC): Intent {
  const id = `run-${n}`
  const sha256 = createHash('sha256').update(payload(id)).digest('hex')
  return { id, topic, seq: n, sha256, publishedAt: n * 1000 }
}

function record(n: number, change: Partial<FoundRecord> = {}): FoundRecord {
  const headers = {
    tenant: 'tenant-1',
    project: 'project-2',
    device: 'sensor-001',
    'mqtt-topic': TOPIC,
    'message-id': `run-${n}`,
    'received-at': String(n * 1000 + 20),
  }
  return {
    partition: 0,
    offset: n,
    value: payload(`run-${n}`),
    headers,
    appendedAt: n * 1000 + 50,
    ...change,
  }
}

function found(records: FoundRecord[], deadLetters: string[] = [], acknowledged = [1, 2, 3]): Findings {
  return examine({
    run: 'run',
    logs: {
      intents: [1, 2, 3, 4].map((n) => intent(n)),
      acknowledged: new Set(acknowledged.map((n) => `run-${n}`)),
    },
    records,
    deadLetters: new Set(deadLetters),
    healedAt: 2000,
  })
}

describe('the oracle of the fault tests', () => {
  const clean = [record(1), record(2), record(3)]

  it('has nothing to say when everything is there once, in order', () => {
    assert.deepEqual(found(clean), {
      acknowledged: 3,
      found: 3,
      missing: [],
      invented: [],
      altered: [],
      wrongTenant: [],
      repeated: 0,
      disordered: [],
      disorderedOnArrival: [],
      recoveryMs: 50,
    })
  })

  it('finds a message that is missing, unless it is a dead letter', () => {
    assert.deepEqual(found([record(1), record(3)]).missing, ['run-2'])
    assert.deepEqual(found([record(1), record(3)], ['run-2']).missing, [])
  })

  it('does not ask for a message that was never acknowledged, and takes it when it is there', () => {
    const findings = found([...clean, record(4)])
    assert.deepEqual([findings.acknowledged, findings.found, findings.invented], [3, 4, []])
  })

  it('finds what was never published, and leaves other runs alone', () => {
    const strange = { ...record(9), value: Buffer.from('{}'), offset: 9 }
    const other = record(5, { value: payload('other-1') })
    assert.deepEqual(found([...clean, record(8), strange, other]).invented, [
      'run-8',
      'partition 0, offset 9',
    ])
  })

  it('finds other bytes, another topic and another message id', () => {
    const bytes = record(1, { value: Buffer.from('{ "id":"run-1", "value":1 }') })
    const topic = record(2, { headers: { ...record(2).headers, 'mqtt-topic': 'elsewhere' } })
    const id = record(3, { headers: { ...record(3).headers, 'message-id': 'run-1' } })
    assert.deepEqual(found([bytes, topic, id]).altered, ['run-1', 'run-2', 'run-3'])
  })

  for (const name of ['tenant', 'project', 'device']) {
    it(`finds another ${name}`, () => {
      const wrong = record(2, { headers: { ...record(2).headers, [name]: 'tenant-9' } })
      assert.deepEqual(found([record(1), wrong, record(3)]).wrongTenant, ['run-2'])
    })
  }

  it('counts copies, and looks at the order of the first ones only', () => {
    const findings = found([record(1), record(2), record(1), record(3), record(3)])
    assert.deepEqual([findings.repeated, findings.disordered], [2, []])
  })

  it('finds a device whose messages are out of order', () => {
    const [said, ...others] = found([record(2), record(1), record(3)]).disordered
    assert.match(String(said), new RegExp(`^${TOPIC}: number 1 at .*, behind 2 at `))
    assert.deepEqual(others, [])
  })

  it('recognizes a device whose messages reached the source out of order already', () => {
    const late = record(1, { headers: { ...record(1).headers, 'received-at': '2500' } })
    const findings = found([record(2), late, record(3)])
    assert.deepEqual(findings.disordered, [])
    const [said, ...others] = findings.disorderedOnArrival
    assert.match(String(said), new RegExp(`^${TOPIC}: number 1 at .*received at 2500.*, behind 2 at `))
    assert.deepEqual(others, [])
  })

  it('has no time of recovery while nothing that was published after the heal is there', () => {
    assert.equal(found([record(1)]).recoveryMs, undefined)
  })
})
