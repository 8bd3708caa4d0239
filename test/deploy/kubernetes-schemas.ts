/**
 * Validates Kubernetes objects against the schemas of Kubernetes and of the operators, from `kubernetes-models`. These
 * accept fields that they do not know, as the API server would drop them in silence; so the object is wrapped, and what
 * the validator has never looked at is reported.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { ROOT } from '../support/package'

export interface KubernetesObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Record<string, string>
  }
  readonly [field: string]: unknown
}

interface SchemaError {
  readonly instancePath: string
  readonly message?: string
  readonly keyword: string
  readonly params: object
}

type Validator = ((data: unknown) => boolean) & { readonly errors?: readonly SchemaError[] | null }

/** By group of the API; everything else is Kubernetes's own. */
const PACKAGES: Readonly<Record<string, string>> = {
  'kafka.strimzi.io': '@kubernetes-models/strimzi-kafka-operator',
  'postgresql.cnpg.io': '@kubernetes-models/cloudnative-pg',
  'keda.sh': '@kubernetes-models/keda',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
  'argoproj.io': '@kubernetes-models/argo-cd',
}

/** @returns what is wrong, one sentence each */
export async function problemsOf(object: KubernetesObject): Promise<string[]> {
  const { apiVersion, kind, metadata } = object
  const name = `${kind} ${metadata.name}`
  const validate = await validatorOf(apiVersion, kind)
  const { watched, unread } = watch(object)
  validate(watched)
  const errors = (validate.errors ?? []).map(
    ({ instancePath, keyword, params }) => `${name}${instancePath}: ${keyword} ${JSON.stringify(params)}`,
  )
  return [...errors, ...unread().map((field) => `${name}${field}: no such field`)]
}

async function validatorOf(apiVersion: string, kind: string): Promise<Validator> {
  const [group = '', version] = apiVersion.split('/')
  const from = PACKAGES[group] ?? 'kubernetes-models'
  const folder = path.join(ROOT, 'node_modules', from)
  const model = readFileSync(path.join(folder, group, version ?? '', `${kind}.js`), 'utf8')
  const [, schema = ''] = /_schemas\/(\w+)/.exec(model) ?? []
  // By file: not every package exports its schemas.
  const file = pathToFileURL(path.join(folder, '_schemas', `${schema}.js`))
  return ((await import(file.href)) as { validate: Validator }).validate
}

/** A validator reads each field that it knows. An object of which it has read none may have any field, as `config` of Kafka. */
function watch(object: object): { readonly watched: object; readonly unread: () => string[] } {
  const seen = new Map<string, { readonly fields: readonly string[]; readonly read: Set<string> }>()
  const wrap = (value: object, at: string): object => {
    const read = seen.get(at)?.read ?? new Set<string>()
    seen.set(at, { fields: Array.isArray(value) ? [] : Object.keys(value), read })
    return new Proxy(value, {
      get(target, field, receiver): unknown {
        const found: unknown = Reflect.get(target, field, receiver)
        if (typeof field !== 'string') return found
        read.add(field)
        return typeof found === 'object' && found !== null ? wrap(found, `${at}/${field}`) : found
      },
    })
  }
  const watched = wrap(object, '')
  const unread = (): string[] =>
    [...seen].flatMap(([at, { fields, read }]) =>
      read.size === 0 ? [] : fields.filter((field) => !read.has(field)).map((field) => `${at}/${field}`),
    )
  return { watched, unread }
}
