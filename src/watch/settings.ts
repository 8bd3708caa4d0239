/** What the plugin reads from `tenantPipeline` in `settings.js`, or from an environment variable, which wins. */
import { flag, integer, readOptions, text, type Option, type OptionValues } from '../config/options'
import { PipelineError } from '../wire/errors'

export const WATCH_OPTIONS = {
  /** 0: no listener. */
  metricsPort: integer({ default: 0, min: 0, max: 65_535, unit: '(0: no listener)' }),
  metricsHost: text({ default: '127.0.0.1' }),
  metricsTenants: flag(false),
  traces: flag(false),
}

export type WatchSettings = OptionValues<typeof WATCH_OPTIONS>

/** `metricsPort` is `TENANT_PIPELINE_METRICS_PORT`. */
export function variableOf(option: string): string {
  return `TENANT_PIPELINE_${option.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/**
 * @param given `tenantPipeline` of `settings.js`
 * @throws PipelineError `CONFIG_INVALID`, which names the option or its variable
 */
export function readWatchSettings(
  given: unknown,
  environment: Readonly<Record<string, string | undefined>>,
): WatchSettings {
  const inFile = typeof given === 'object' && given !== null ? (given as Record<string, unknown>) : {}
  const unknown = Object.keys(inFile).find((name) => !Object.hasOwn(WATCH_OPTIONS, name))
  if (unknown !== undefined) {
    const known = Object.keys(WATCH_OPTIONS).join(', ')
    const message = `"tenantPipeline.${unknown}" in settings.js is none of ${known}`
    throw new PipelineError('CONFIG_INVALID', message, { retryable: false })
  }
  const values = Object.entries<Option>(WATCH_OPTIONS).map(([name, option]) => {
    const variable = variableOf(name)
    const ofVariable = environment[variable] ?? ''
    const [called, value] =
      ofVariable === '' ? [`tenantPipeline.${name}`, inFile[name]] : [variable, ofVariable]
    return [name, readOptions({ [called]: option }, { [called]: value })[called]]
  })
  return Object.fromEntries(values) as WatchSettings
}
