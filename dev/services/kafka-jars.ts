/**
 * Kafka's own jars, resolved by Maven into a cache folder of the user, so that every clone on this machine shares
 * them. The first time takes about 15 s and 54 MB.
 */
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { cacheFolder } from './cache-folder'
import { run } from './run'

export const KAFKA_VERSION = '4.3.0'
const MINIMUM_JAVA = 17
/** The binding between slf4j 1.7, which Kafka logs to, and log4j2, of the version that Kafka brings. */
const LOG_BINDING_VERSION = '2.25.4'

/** `undefined` when Java and Maven are there; otherwise what is missing. */
export async function missingForJars(): Promise<string | undefined> {
  const [java, maven] = await Promise.all([run('java', ['-version']), run('mvn', ['-version'])])
  const version = Number(/version "(\d+)/.exec(java.output)?.[1] ?? 0)
  if (!java.ok || version < MINIMUM_JAVA) {
    return version > 0 ? `Java ${version} is too old` : 'there is no Java on the PATH'
  }
  return maven.ok ? undefined : 'there is no Maven (mvn) on the PATH'
}

/** The folder with the jars. Two processes may fill it at once: each fills its own, and the first rename wins. */
export async function kafkaJars(): Promise<string> {
  const cache = cacheFolder()
  const jars = path.join(cache, `kafka-${KAFKA_VERSION}`)
  if (await exists(jars)) return jars
  await mkdir(cache, { recursive: true })
  const work = await mkdtemp(path.join(cache, 'kafka-download-'))
  try {
    await writeFile(path.join(work, 'pom.xml'), pom())
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${work}/jars`]
    const maven = await run('mvn', ['-q', '-B', '-f', path.join(work, 'pom.xml'), ...goal])
    if (!maven.ok)
      throw new Error(`Maven could not fetch Kafka ${KAFKA_VERSION}:\n${maven.output.slice(-2000)}`)
    await rename(path.join(work, 'jars'), jars).catch(async (error: unknown) => {
      if (!(await exists(jars))) throw error
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return jars
}

export async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}

function pom(): string {
  const dependency = (group: string, artifact: string, version: string): string =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    ${dependency('org.apache.kafka', 'kafka_2.13', KAFKA_VERSION)}
    ${dependency('org.apache.logging.log4j', 'log4j-slf4j-impl', LOG_BINDING_VERSION)}
  </dependencies>
</project>
`
}
