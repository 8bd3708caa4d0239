/** The route of the button *Test connection*, on a Node-RED of plain shapes. */
import assert from 'node:assert/strict'
import { text } from '../../../src/config/options'
import { Checks, type Check } from '../../../src/runtime/checks'
import { addTestRoute, type TestRoute } from '../../../src/runtime/test-route'
import { PipelineError } from '../../../src/wire/errors'

type Handle = (request: object, response: object) => Promise<void>

interface Answer {
  readonly status: number
  readonly body: { readonly checks?: readonly Check[]; readonly code?: string }
}

function route(test: TestRoute['test']) {
  let handle: Handle = () => Promise.reject(new Error('no route'))
  const registered: unknown[] = []
  const saved = { id: 'one', type: 'a-type', url: 'saved' }
  const host = {
    httpAdmin: {
      post: (path: string, permission: unknown, handler: Handle) => {
        registered.push(path, permission)
        handle = handler
      },
    },
    auth: { needsPermission: (permission: string) => permission },
    nodes: {
      getNode: () => null,
      eachNode: (callback: (entry: object) => void) => callback(saved),
      getCredentials: () => ({ password: 'canary' }),
    },
    util: { getSetting: () => undefined },
  }
  addTestRoute(host, {
    type: 'a-type',
    options: { url: text() },
    addresses: ['url'],
    transport: [],
    credentials: ['password'],
    test,
  })
  const ask = async (body?: object, id = 'one'): Promise<Answer> => {
    let answer: Answer | undefined
    await handle(
      { params: { id }, body },
      {
        status: (status: number) => ({
          json: (said: Answer['body']) => {
            answer = { status, body: said }
          },
        }),
      },
    )
    return answer as Answer
  }
  return { ask, registered }
}

const shown = (url: string): object => ({ values: { url }, credentials: { password: '__PWRD__' } })

describe('the route of a connection test', () => {
  it('is a POST with the permission to write, and never the one to read', () => {
    const { registered } = route(() => [])
    assert.deepEqual(registered, ['/a-type/:id/test', 'a-type.write'])
  })

  it('tests with the saved password, which is not in the answer', async () => {
    let used: unknown
    const { ask } = route(({ credentials }) => {
      used = credentials['password']
      return [{ verdict: 'ok', code: 'reached', values: {} }]
    })
    const answer = await ask(shown('saved'))
    assert.equal(used, 'canary')
    assert.deepEqual(answer, {
      status: 200,
      body: { checks: [{ verdict: 'ok', code: 'reached', values: {} }] },
    })
  })

  it('does not test a changed address with it, and says which value it has kept back', async () => {
    const { ask } = route(() => assert.fail('it was tested'))
    const { body } = await ask(shown('elsewhere'))
    assert.deepEqual(body.checks, [
      { verdict: 'failed', code: 'withheld', values: { properties: 'password' } },
    ])
    const other = await ask(shown('saved'), 'another node')
    assert.equal(other.body.checks?.[0]?.code, 'notDeployed')
  })

  it('says why values cannot be used, and nothing of an error that it does not know', async () => {
    const refuse = (error: Error) => route(() => Promise.reject(error)).ask(shown('saved'))
    const ours = new PipelineError('CONFIG_INVALID', '"url" is empty', { retryable: false })
    assert.deepEqual((await refuse(ours)).body.checks, [
      { verdict: 'failed', code: 'invalid', values: { reason: '"url" is empty' } },
    ])
    const theirs = await refuse(new Error('canary'))
    assert.deepEqual(theirs.body.checks, [{ verdict: 'failed', code: 'unforeseen', values: {} }])
  })

  it('runs one test of a node at a time', async () => {
    let end = (): void => undefined
    const { ask } = route(async () => {
      await new Promise<void>((resolve) => (end = resolve))
      return []
    })
    const first = ask(shown('saved'))
    const second = await ask(shown('saved'))
    assert.deepEqual([second.status, second.body.code], [409, 'BUSY'])
    end()
    assert.equal((await first).status, 200)
  })

  it('takes any body', async () => {
    const { ask } = route(({ values }) => [{ verdict: 'ok', code: typeof values['url'], values: {} }])
    for (const body of [undefined, {}, { values: null }, { values: 'x', credentials: 1 }])
      assert.equal((await ask(body)).status, 200)
  })
})

describe('a part of a test', () => {
  const verdicts = { found: 'ok', late: 'ok', unfinished: 'failed' } as const

  it('that does not end in time is a check, beside what it has found until then', async () => {
    const checks = new Checks(verdicts)
    let wasAborted = false
    let finish = (): void => undefined
    await checks.within(5, 'unfinished', { place: 'there' }, async (part, signal) => {
      part.add('found')
      signal.addEventListener('abort', () => (wasAborted = true))
      await new Promise<void>((resolve) => (finish = resolve))
      part.add('late')
    })
    finish()
    assert.ok(wasAborted)
    assert.deepEqual(
      checks.list.map(({ code, verdict }) => [code, verdict]),
      [
        ['found', 'ok'],
        ['unfinished', 'failed'],
      ],
    )
  })

  it('that throws ends the test', async () => {
    const checks = new Checks(verdicts)
    await assert.rejects(
      checks.within(1000, 'unfinished', {}, () => Promise.reject(new Error('why'))),
      /why/,
    )
  })
})
