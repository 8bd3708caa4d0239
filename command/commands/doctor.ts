/** `doctor`: the tests of the editor's buttons, for support and for CI. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { clusterTest } from '../../nodes/tenant-kafka-cluster/test-route'
import { brokerTest } from '../../nodes/tenant-mqtt-broker/test-route'
import { postgresTest } from '../../nodes/tenant-postgres/test-route'
import { flag } from '../../src/config/options'
import type { Check, Verdict } from '../../src/runtime/checks'
import { COMMON_CHECKS } from '../../src/runtime/common-checks'
import { checksOf, type TestRoute } from '../../src/runtime/test-route'
import { shownNumber } from '../../src/status/shown-number'
import { usage } from '../arguments'
import { command, EXIT } from '../command'
import { CONNECTION_OPTIONS, Flow, VARIABLES, type ConfigEntry, type ConfigType } from '../connections/flow'

const ROUTES: readonly TestRoute[] = [brokerTest, clusterTest, postgresTest]
const MARKS: Readonly<Record<Verdict, string>> = {
  ok: 'ok      ',
  warning: 'WARNING ',
  failed: 'FAILED  ',
  unknown: 'unknown ',
}

interface Found {
  readonly entry: ConfigEntry
  readonly checks: readonly (Check & { readonly text: string })[]
}

export const doctor = command({
  details: [
    'Tests each MQTT broker, Kafka cluster and PostgreSQL server of the flow file, or of the environment: whether it ' +
      'answers, takes the login, is encrypted, and keeps what it has confirmed; and the topics and tables that the flow ' +
      'uses. It creates and changes nothing.',
    'A warning is not a failure, unless you ask for that with --strict.',
  ],
  options: {
    ...CONNECTION_OPTIONS,
    strict: { reads: flag(false), value: '', what: 'a warning counts as a failure' },
    json: { reads: flag(false), value: '', what: 'writes JSON' },
  },
  run: async ({ strict, json, ...values }, { outlet, environment }) => {
    const flow = Flow.open(values, { outlet, environment })
    flow.checkChosen()
    const tested = ROUTES.flatMap((route) =>
      flow.all(route.type as ConfigType).map((entry) => ({ route, entry })),
    )
    if (tested.length === 0) {
      throw usage(
        `nothing to test: set ${VARIABLES.map(([name]) => name).join(', ')}, or name a flow file with --flow`,
      )
    }
    const found = await Promise.all(
      tested.map(async ({ route, entry }): Promise<Found> => {
        const credentials = flow.nodes.getCredentials(entry.id) as Readonly<Record<string, unknown>>
        const checks = await checksOf(flow, route, entry.id, { values: entry, credentials })
        return { entry, checks: checks.map((check) => ({ ...check, text: textOf(route.type, check) })) }
      }),
    )
    const isBad = ({ verdict }: Check): boolean => verdict === 'failed' || (strict && verdict === 'warning')
    const ok = !found.some(({ checks }) => checks.some(isBad))
    if (json)
      outlet.json({
        ok,
        nodes: found.map(({ entry: { id, type, name = '' }, checks }) => ({ id, type, name, checks })),
      })
    else {
      for (const { entry, checks } of found) {
        outlet.line(`${entry.type} ${entry.name ? `"${entry.name}"` : entry.id}`)
        for (const { verdict, text } of checks) outlet.line(`  ${MARKS[verdict]}${text}`)
      }
      if (values.flow === '')
        for (const [variable] of VARIABLES)
          if (!flow.entries.some(({ id }) => id === variable))
            outlet.note(`${variable} is not set: not tested`)
    }
    return ok ? EXIT.fine : EXIT.failed
  },
})

type Words = { readonly [key: string]: string | Words }
const catalogues = new Map<string, Words>()

/** In the words of the dialog, which the build has put beside the node. */
function textOf(type: string, { code, values }: Check): string {
  const file = path.resolve(__dirname, `../../nodes/${type}/locales/en-US/${type}.json`)
  const catalogue = catalogues.get(type) ?? (JSON.parse(readFileSync(file, 'utf8')) as Words)
  catalogues.set(type, catalogue)
  const whose = Object.hasOwn(COMMON_CHECKS, code) ? 'shared' : type
  const words = [whose, 'test', code].reduce<Words | string | undefined>(
    (found, key) => (typeof found === 'object' ? found[key] : undefined),
    catalogue,
  )
  if (typeof words !== 'string') return code
  return words.replace(/__(\w+)__/g, (whole, name: string) => {
    const value = values[name]
    return typeof value === 'number' ? shownNumber(value) : (value ?? whole)
  })
}
