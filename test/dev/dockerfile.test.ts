import assert from 'node:assert/strict'
import { readDockerfile } from '../../dev/container/dockerfile'

describe('a Dockerfile', () => {
  it('is read as stages with their steps', () => {
    const [first, last] = readDockerfile(
      [
        'ARG IMAGE=node:1',
        'FROM ${IMAGE} AS build',
        'ARG NAME=default',
        'WORKDIR /app',
        'COPY a.json *.tgz ./',
        '# a comment',
        'RUN npm install \\',
        '  ${NAME}',
        'FROM ${IMAGE}',
        'COPY --from=build /app /app',
        'ENV A=1 \\',
        '    B="two words"',
        'USER 1000:1000',
        'HEALTHCHECK --interval=10s CMD ["true"]',
        'CMD ["node", "x.js"]',
      ].join('\n'),
      { NAME: 'given' },
    )
    assert.deepEqual(first?.steps, [
      { do: 'copy', from: undefined, sources: ['a.json', '*.tgz'], target: '/app/./' },
      { do: 'run', command: 'npm install ${NAME}', folder: '/app', env: { NAME: 'given' } },
    ])
    assert.deepEqual(last?.steps, [{ do: 'copy', from: 'build', sources: ['/app'], target: '/app' }])
    const { image, env, user, healthCheck, command } = last
    assert.deepEqual(
      { image, env, user, healthCheck, command },
      {
        image: 'node:1',
        env: { A: '1', B: 'two words' },
        user: '1000:1000',
        healthCheck: { options: { interval: '10s' }, command: ['true'] },
        command: ['node', 'x.js'],
      },
    )
  })

  it('is refused when it has what would not be tested', () => {
    assert.throws(() => readDockerfile('FROM a\nONBUILD RUN x'), /has ONBUILD/)
    assert.throws(() => readDockerfile('FROM a\nCOPY --chown=1 a b'), /options are not understood/)
  })
})
