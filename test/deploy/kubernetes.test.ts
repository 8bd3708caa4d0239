/** deploy/kubernetes: built by the real kustomize, and validated against the real schemas. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import { fileOf, GENERATED, textOf } from '../../deploy/kubernetes/generate'
import { kustomizeBuild } from '../../dev/services/kustomize'
import { packageFile } from '../../dev/project'
import { ROOT } from '../support/package'
import { problemsOf, type KubernetesObject } from './kubernetes-schemas'

const FOLDER = path.join(ROOT, 'deploy/kubernetes')
const DAY_MS = 86_400_000

interface Container {
  readonly name: string
  readonly image: string
  readonly securityContext: object
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: object }[]
  readonly resources: { readonly requests?: object; readonly limits?: { readonly memory?: string } }
  readonly [field: string]: unknown
}

interface PodSpec {
  readonly securityContext: { readonly runAsNonRoot?: boolean; readonly seccompProfile?: object }
  readonly containers: readonly Container[]
  readonly volumes?: readonly { readonly name: string; readonly configMap?: { readonly name: string } }[]
  readonly [field: string]: unknown
}

/** Of Strimzi. */
interface KafkaSpec {
  readonly kafka: WithContainers & { readonly version?: string; readonly metadataVersion?: string }
  readonly entityOperator: WithContainers
}

interface WithContainers {
  readonly template: Readonly<Record<string, { readonly securityContext?: object }>>
}

async function build(folder: string): Promise<KubernetesObject[]> {
  return parseAllDocuments(await kustomizeBuild(folder)).map(
    (document) => document.toJSON() as KubernetesObject,
  )
}

function find<Spec = Record<string, unknown>>(
  objects: readonly KubernetesObject[],
  kind: string,
  name: string,
): Spec {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name)
  assert.ok(found, `${kind} ${name}`)
  return found['spec'] as Spec
}

/** The names by which pods and operators' objects refer to a ConfigMap. */
function configMapsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([field, inner]) =>
    field === 'configMap' || field === 'configMapKeyRef'
      ? [(inner as { name: string }).name]
      : configMapsIn(inner),
  )
}

describe('the files for Kubernetes that are generated', () => {
  for (const name of Object.keys(GENERATED))
    it(`${name} is up to date (npm run kubernetes)`, async () => {
      assert.equal(readFileSync(fileOf(name), 'utf8'), await textOf(name))
    })
})

describe('Kubernetes', function () {
  this.timeout(300_000)
  const built = new Map<string, KubernetesObject[]>()
  const scratch: string[] = []

  before(async () => {
    for (const folder of ['overlays/dev', 'overlays/prod', 'argo-cd'])
      built.set(folder, await build(path.join(FOLDER, folder)))
    // A folder inside this repository: kustomize wants relative paths.
    const own = mkdtempSync(path.join(FOLDER, '.own-'))
    scratch.push(own)
    writeFileSync(
      path.join(own, 'kustomization.yaml'),
      'resources: [../overlays/prod]\ncomponents: [../external-database]\n',
    )
    built.set('external-database', await build(own))
  })
  after(() => scratch.forEach((folder) => rmSync(folder, { recursive: true })))

  it('objects fit the schemas, and have no field that these do not know', async () => {
    for (const [folder, objects] of built)
      for (const object of objects) assert.deepEqual(await problemsOf(object), [], folder)
  })

  it('the check would find a wrong type, and a field that is not there', async () => {
    const spec = { partitions: 'six', replica: 3, config: { 'any.name': 1 } }
    const topic = { apiVersion: 'kafka.strimzi.io/v1', kind: 'KafkaTopic', metadata: { name: 'a' }, spec }
    assert.deepEqual(await problemsOf(topic), [
      'KafkaTopic a/spec/partitions: type {"type":"integer"}',
      'KafkaTopic a/spec/replica: no such field',
    ])
  })

  it('topics keep what they should, in as many copies', () => {
    const prod = built.get('overlays/prod') ?? []
    const topics = prod.filter(({ kind }) => kind === 'KafkaTopic')
    const facts = topics.map(({ metadata, ...topic }) => {
      const { partitions, replicas, config } = topic['spec'] as Record<string, number> & {
        config: Record<string, number>
      }
      return [
        metadata.name,
        partitions,
        replicas,
        config['min.insync.replicas'],
        (config['retention.ms'] ?? 0) / DAY_MS,
      ]
    })
    assert.deepEqual(facts.sort(), [
      ['dead-letter-queue', 1, 3, 2, 30],
      ['inventory-events', 3, 3, 2, 7],
      ['iot-messages', 6, 3, 2, 3],
      ['notification-events', 3, 3, 2, 7],
      ['order-events', 3, 3, 2, 7],
      ['payment-events', 3, 3, 2, 7],
    ])
    for (const { kind, ...object } of built.get('overlays/dev') ?? [])
      if (kind === 'KafkaTopic') assert.equal((object['spec'] as { replicas: number }).replicas, 1)
  })

  for (const folder of ['overlays/dev', 'overlays/prod'])
    it(`pods of ${folder} are restricted, limited, pinned, and have their secrets by reference`, () => {
      const objects = built.get(folder) ?? []
      const { template } = find<{ template: { spec: PodSpec } }>(objects, 'StatefulSet', 'node-red')
      const { jobTemplate } = find<{ jobTemplate: { spec: { template: { spec: PodSpec } } } }>(
        objects,
        'CronJob',
        'health-check',
      )
      for (const pod of [template.spec, jobTemplate.spec.template.spec]) {
        assert.equal(pod.securityContext.runAsNonRoot, true)
        assert.deepEqual(pod.securityContext.seccompProfile, { type: 'RuntimeDefault' })
        assert.equal(pod['automountServiceAccountToken'], false)
        for (const { image, securityContext, resources, env = [] } of pod.containers) {
          assert.ok(image.endsWith(`tenant-pipeline-node-red:${packageFile().version}`))
          assert.deepEqual(securityContext, {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          })
          assert.ok(resources.requests && resources.limits?.memory)
          for (const { name, value } of env)
            if (/PASSWORD|URL/.test(name)) assert.equal(value, undefined, name)
        }
      }
      const [nodeRed] = template.spec.containers
      const clientId = nodeRed?.env?.find(({ name }) => name === 'MQTT_CLIENT_ID')
      assert.deepEqual(clientId?.valueFrom, { fieldRef: { fieldPath: 'metadata.name' } })
      for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe'])
        assert.ok(nodeRed?.[probe], probe)
      // A changed flow restarts the pods: kustomize names the map after its contents.
      const map = template.spec.volumes?.find(({ name }) => name === 'flow')?.configMap?.name ?? ''
      assert.match(map, /^flow-[a-z0-9]+$/)
      assert.ok(objects.some(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === map))
      // One autoscaler for each pod.
      const scalers = objects.filter(
        ({ kind }) => kind === 'ScaledObject' || kind === 'HorizontalPodAutoscaler',
      )
      assert.equal(scalers.length, 1)
      assert.equal(find(objects, 'StatefulSet', 'node-red')['replicas'], undefined)
    })

  it('configuration that an object refers to is there, under the name that kustomize gives it', () => {
    for (const folder of ['overlays/dev', 'overlays/prod']) {
      const objects = built.get(folder) ?? []
      const maps = objects.flatMap(({ kind, metadata }) => (kind === 'ConfigMap' ? [metadata.name] : []))
      assert.deepEqual([...new Set(configMapsIn(objects))].sort(), maps.sort(), folder)
    }
  })

  it('the namespace that deploy.sh applies first is the one of the overlays, so that neither changes the other', () => {
    const first = [parse(readFileSync(fileOf('namespace.yaml'), 'utf8'))]
    for (const folder of ['overlays/dev', 'overlays/prod'])
      assert.deepEqual(
        built.get(folder)?.filter(({ kind }) => kind === 'Namespace'),
        first,
      )
  })

  it("the namespace admits Kafka's pods, which Strimzi does not restrict by itself", () => {
    const { kafka, entityOperator } = find<KafkaSpec>(built.get('overlays/prod') ?? [], 'Kafka', 'pipeline')
    const { topicOperatorContainer, userOperatorContainer } = entityOperator.template
    for (const container of [kafka.template['kafkaContainer'], topicOperatorContainer, userOperatorContainer])
      assert.deepEqual(container?.securityContext, {
        allowPrivilegeEscalation: false,
        runAsNonRoot: true,
        capabilities: { drop: ['ALL'] },
        seccompProfile: { type: 'RuntimeDefault' },
      })
  })

  it('the version of Kafka is the default of the operator, which drops old ones with each release', () => {
    const { kafka } = find<KafkaSpec>(built.get('overlays/prod') ?? [], 'Kafka', 'pipeline')
    assert.deepEqual([kafka.version, kafka.metadataVersion], [undefined, undefined])
  })

  it('the flow, its topics, its permissions and its autoscaler speak of the same', () => {
    const flow = JSON.parse(readFileSync(fileOf('flows.json'), 'utf8')) as Record<string, string>[]
    const one = (type: string, field: string): string => {
      const [value] = flow.flatMap((node) => (node['type'] === type ? [node[field]] : []))
      assert.ok(value, `${field} of ${type}`)
      return value
    }
    const topic = one('tenant-topic', 'kafkaTopic')
    const group = one('tenant-kafka-consumer', 'group')
    const [, deadLetters = ''] = /"topic":\s*"(dead-letter-[^"]*)"/.exec(JSON.stringify(flow)) ?? []
    assert.equal(one('tenant-kafka-consumer', 'topics'), topic)
    const prod = built.get('overlays/prod') ?? []
    for (const name of [topic, deadLetters]) find(prod, 'KafkaTopic', name)
    const user = find<{ authorization: { acls: { resource: { type: string; name?: string } }[] } }>(
      prod,
      'KafkaUser',
      'node-red',
    )
    const named = user.authorization.acls.map(({ resource }) => resource.name)
    assert.deepEqual(named, [topic, deadLetters, group, undefined])
    const { triggers } = find<{ triggers: { metadata: Record<string, string> }[] }>(
      prod,
      'ScaledObject',
      'node-red',
    )
    assert.equal(triggers[0]?.metadata['topic'], topic)
    assert.equal(triggers[0].metadata['consumerGroup'], group)
  })

  it('a database of your own replaces the cluster', () => {
    const objects = built.get('external-database') ?? []
    assert.ok(!objects.some(({ kind }) => kind === 'Cluster'))
    const { template } = find<{ template: { spec: PodSpec } }>(objects, 'StatefulSet', 'node-red')
    const url = template.spec.containers[0]?.env?.find(({ name }) => name === 'DATABASE_URL')
    assert.deepEqual(url?.valueFrom, { secretKeyRef: { name: 'external-database', key: 'uri' } })
  })

  it('Argo CD leaves to the autoscaler what that changes', () => {
    const application = find<{ syncPolicy: { automated: object }; ignoreDifferences: { kind: string }[] }>(
      built.get('argo-cd') ?? [],
      'Application',
      'tenant-pipeline',
    )
    assert.deepEqual(application.syncPolicy.automated, { selfHeal: true, prune: false })
    assert.deepEqual(
      application.ignoreDifferences.map(({ kind }) => kind),
      ['StatefulSet', 'HorizontalPodAutoscaler'],
    )
  })
})
