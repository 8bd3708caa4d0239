/**
 * Reads a Dockerfile, as far as ours uses the language, so that its steps can be run without a Docker engine. What it
 * does not understand is an error: then the Dockerfile and what is tested would differ.
 */

/** A step of a stage, in order. */
export type Step =
  | { readonly do: 'run'; readonly command: string; readonly folder: string; readonly env: Env }
  | {
      readonly do: 'copy'
      /** A stage, or the build's context. */
      readonly from: string | undefined
      readonly sources: readonly string[]
      readonly target: string
    }

export type Env = Readonly<Record<string, string>>

export interface Stage {
  readonly image: string
  readonly name: string | undefined
  readonly steps: readonly Step[]
  readonly env: Env
  readonly folder: string
  readonly user: string
  readonly volumes: readonly string[]
  readonly ports: readonly number[]
  readonly stopSignal: string
  readonly healthCheck: HealthCheck | undefined
  readonly command: readonly string[]
}

export interface HealthCheck {
  /** Such as `interval: '10s'`. */
  readonly options: Env
  readonly command: readonly string[]
}

type Draft = { -readonly [key in keyof Stage]: Stage[key] } & { steps: Step[]; args: Record<string, string> }

/** @param given values of `ARG`s, as `docker build --build-arg` has them */
export function readDockerfile(text: string, given: Env = {}): Stage[] {
  const stages: Draft[] = []
  const global: Record<string, string> = {}
  for (const [word, rest] of instructions(text)) {
    const stage = stages.at(-1)
    if (word === 'ARG') {
      const [name = '', value = ''] = rest.split(/=(.*)/s)
      const args = stage?.args ?? global
      args[name] = given[name] ?? (value === '' ? (global[name] ?? '') : value)
    } else if (word === 'FROM') stages.push(stageOf(substitute(rest, global)))
    else if (stage === undefined) throw new Error(`${word} before FROM`)
    else apply(stage, word, rest)
  }
  return stages
}

/** Lines without comments; one that ends with a backslash continues in the next. */
function instructions(text: string): [string, string][] {
  return text
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [word = '', rest = ''] = line.trim().split(/\s+(.*)/s)
      return [word, rest]
    })
}

function stageOf(from: string): Draft {
  const [, image = '', name] = /^(\S+)(?:\s+AS\s+(\S+))?$/.exec(from) ?? []
  const run = {
    folder: '/',
    user: '0:0',
    env: {},
    command: [],
    healthCheck: undefined,
    stopSignal: 'SIGTERM',
  }
  return { ...run, image, name, steps: [], volumes: [], ports: [], args: {} }
}

function apply(stage: Draft, word: string, rest: string): void {
  const text = substitute(rest, { ...stage.args, ...stage.env })
  switch (word) {
    case 'RUN':
      // The shell substitutes.
      stage.steps.push({
        do: 'run',
        command: rest,
        folder: stage.folder,
        env: { ...stage.args, ...stage.env },
      })
      return
    case 'COPY':
      stage.steps.push(copyOf(text, stage.folder))
      return
    case 'ENV':
      stage.env = { ...stage.env, ...assignments(text) }
      return
    case 'WORKDIR':
      stage.folder = text
      return
    case 'USER':
      stage.user = text
      return
    case 'VOLUME':
      stage.volumes = [...stage.volumes, ...text.split(/\s+/)]
      return
    case 'EXPOSE':
      stage.ports = text.split(/\s+/).map(Number)
      return
    case 'STOPSIGNAL':
      stage.stopSignal = text
      return
    case 'HEALTHCHECK':
      stage.healthCheck = healthCheckOf(rest)
      return
    case 'CMD':
      stage.command = JSON.parse(rest) as string[]
      return
    default:
      throw new Error(`the Dockerfile has ${word}, which dev/container/dockerfile.ts does not understand`)
  }
}

function copyOf(text: string, folder: string): Step {
  const words = text.split(/\s+/)
  const from = words[0]?.startsWith('--from=') ? words.shift()?.slice('--from='.length) : undefined
  const target = words.pop() ?? ''
  if (words.some((word) => word.startsWith('--'))) throw new Error(`COPY ${text}: options are not understood`)
  return { do: 'copy', from, sources: words, target: target.startsWith('/') ? target : `${folder}/${target}` }
}

/** `A=b C="d e"`. */
function assignments(text: string): Env {
  const found = [...text.matchAll(/([A-Za-z_]\w*)=(?:"([^"]*)"|(\S*))/g)]
  return Object.fromEntries(found.map(([, name = '', quoted, plain]) => [name, quoted ?? plain ?? '']))
}

function healthCheckOf(text: string): HealthCheck {
  const [written = '', command = ''] = text.split(/\bCMD\s+(.*)/s)
  const options = [...written.matchAll(/--([a-z-]+)=(\S+)/g)].map(([, name = '', value = '']) => [
    name,
    value,
  ])
  return { options: Object.fromEntries(options) as Env, command: JSON.parse(command) as string[] }
}

function substitute(text: string, values: Env): string {
  return text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => values[name] ?? '')
}
