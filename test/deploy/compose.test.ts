/** deploy/compose.yaml: what a machine can check without a Docker engine. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { packageFile } from '../../dev/project'
import { KAFKA_IMAGE } from '../../dev/services/kafka-docker'
import { run } from '../../dev/services/run'
import { readText, ROOT } from '../support/package'

interface Service {
  readonly image: string
  readonly build?: string | { readonly dockerfile_inline: string }
  readonly healthcheck?: object
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly mem_limit?: string
  readonly restart?: string
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, null>>
}

const read = (file: string): Compose => parse(readText(`deploy/${file}`), { merge: true }) as Compose
const compose = read('compose.yaml')
const three = read('compose.three-brokers.yaml')
const services = Object.entries(compose.services)

describe('compose.yaml', () => {
  it('has the whole pipeline', () => {
    assert.deepEqual(Object.keys(compose.services).sort(), [
      'grafana',
      'kafka',
      'mosquitto',
      'node-red',
      'prometheus',
      'simulator',
      'timescaledb',
    ])
  })

  for (const [name, service] of services)
    it(`pins ${name}, checks its health, and gives it as little as it needs`, () => {
      assert.match(service.image, /^[a-z0-9./-]+:v?\d+\.\d+\.\d+[\w.-]*$/)
      assert.ok(service.healthcheck)
      assert.deepEqual(service.cap_drop, ['ALL'])
      assert.deepEqual(service.security_opt, ['no-new-privileges:true'])
      assert.ok(service.mem_limit)
      assert.equal(service.restart, 'unless-stopped')
      for (const port of service.ports ?? [])
        assert.match(port, /^(127\.0\.0\.1|\$\{MQTT_BIND:-127\.0\.0\.1\}):\d+:\d+$/)
    })

  it('mounts files that are there, read-only, and keeps what a service writes in a named volume', () => {
    for (const [volumes, declared] of [compose, three].map(
      (file) =>
        [Object.values(file.services).flatMap((service) => service.volumes ?? []), file.volumes] as const,
    ))
      for (const volume of volumes) {
        const [from = '', , mode] = volume.replace(/^\$\{\w+:-([^}]+)\}/, '$1').split(':')
        if (!from.startsWith('.')) assert.ok(from in declared, volume)
        else {
          assert.ok(existsSync(path.join(ROOT, 'deploy', from)), volume)
          assert.equal(mode, 'ro', volume)
        }
      }
  })

  it('documents every variable, and wants every password', () => {
    const text = readText('deploy/compose.yaml') + readText('deploy/compose.three-brokers.yaml')
    const used = [...text.matchAll(/(?<!\$)\$\{(\w+)(:[-?])/g)].map(([, name = '', kind]) => ({ name, kind }))
    const lines = readText('deploy/.env.example').matchAll(/^(#?)([A-Z_]+)=/gm)
    const documented = new Map([...lines].map(([, optional, name]) => [name, optional === '#']))
    assert.deepEqual([...new Set(used.map(({ name }) => name))].sort(), [...documented.keys()].sort())
    for (const { name, kind } of used) assert.equal(kind === ':-', documented.get(name), name)
  })

  it('has the versions that the tests run', () => {
    assert.equal(compose.services['kafka']?.image, KAFKA_IMAGE)
    assert.equal(compose.services['node-red']?.image, `tenant-pipeline-node-red:${packageFile().version}`)
    const dockerfile = readText('deploy/container/Dockerfile')
    const [, image] = /^ARG NODE_IMAGE=(\S+)/m.exec(dockerfile) ?? []
    assert.match(dockerfile, new RegExp(`^ARG PACKAGE=${packageFile().name}@${packageFile().version}$`, 'm'))
    const { build } = compose.services['simulator'] ?? {}
    assert.ok(typeof build === 'object' && build.dockerfile_inline.startsWith(`FROM ${image}\n`))
  })

  it('builds a simulator that needs nothing else', () => {
    for (const file of readdirSync(path.join(ROOT, 'dev/simulator')))
      for (const [, from] of readText(`dev/simulator/${file}`).matchAll(/^import .* from '([^']+)'/gm))
        assert.match(from as string, /^(node:.*|\.\/\w+|mqtt)$/, file)
  })

  const hasCompose = spawnSync('docker', ['compose', 'version']).status === 0
  // Everywhere else the tests above and those of the services have to do.
  if (!hasCompose) return
  it('is accepted by docker compose', async () => {
    const files = ['--file', 'compose.yaml', '--file', 'compose.three-brokers.yaml']
    const config = [
      'compose',
      '--env-file',
      '.env.example',
      ...files,
      'config',
      '--no-interpolate',
      '--quiet',
    ]
    const { ok, output } = await run('docker', config, path.join(ROOT, 'deploy'))
    assert.ok(ok, output)
  })
})
