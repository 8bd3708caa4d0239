import assert from 'node:assert/strict'
import { PipelineError } from '../../../src/wire/errors'
import { readWatchSettings, variableOf, WATCH_OPTIONS } from '../../../src/watch/settings'

describe('the settings of the plugin', () => {
  it('have defaults: no listener, and nothing by tenant', () => {
    const settings = readWatchSettings(undefined, {})
    assert.deepEqual(settings, {
      metricsPort: 0,
      metricsHost: '127.0.0.1',
      metricsTenants: false,
      traces: false,
    })
  })

  it('come from settings.js, or from the environment, which wins', () => {
    const inFile = { metricsPort: 1, metricsTenants: true }
    assert.equal(readWatchSettings(inFile, {}).metricsPort, 1)
    const environment = { TENANT_PIPELINE_METRICS_PORT: '9464', TENANT_PIPELINE_METRICS_HOST: '0.0.0.0' }
    const settings = readWatchSettings(inFile, environment)
    assert.deepEqual(settings, {
      metricsPort: 9464,
      metricsHost: '0.0.0.0',
      metricsTenants: true,
      traces: false,
    })
  })

  it('each have a variable', () => {
    assert.deepEqual(Object.keys(WATCH_OPTIONS).map(variableOf), [
      'TENANT_PIPELINE_METRICS_PORT',
      'TENANT_PIPELINE_METRICS_HOST',
      'TENANT_PIPELINE_METRICS_TENANTS',
      'TENANT_PIPELINE_TRACES',
    ])
  })

  for (const [what, given, environment, named] of [
    ['a port that is none', { metricsPort: 70_000 }, {}, /"tenantPipeline\.metricsPort" is 70000/],
    [
      'a variable that is no port',
      {},
      { TENANT_PIPELINE_METRICS_PORT: 'x' },
      /"TENANT_PIPELINE_METRICS_PORT" is "x"/,
    ],
    [
      'a name that is misspelt',
      { metricPort: 1 },
      {},
      /"tenantPipeline\.metricPort" .* is none of metricsPort,/,
    ],
  ] as const) {
    it(`refuse ${what}, and say where it is`, () => {
      assert.throws(
        () => readWatchSettings(given, environment),
        (error: unknown) => {
          assert.ok(error instanceof PipelineError)
          assert.match(error.message, named)
          return true
        },
      )
    })
  }
})
