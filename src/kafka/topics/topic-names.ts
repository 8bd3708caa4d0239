/**
 * Tenant and project of records that other producers wrote without saying so: from the name of their Kafka topic, by a
 * pattern such as `{tenant}.{project}` or `iot.{tenant}.+`. The levels stand between dots; otherwise it is the pattern
 * of MQTT topics.
 */
import type { WireRecord } from '../../wire/message'
import { TopicPattern } from '../../tenant/topic-pattern'

export class TopicNames {
  private constructor(private readonly pattern: TopicPattern) {}

  /** @throws PipelineError `CONFIG_INVALID` */
  static compile(text: string): TopicNames {
    return new TopicNames(TopicPattern.compile(withSlashes(text)))
  }

  /** Names a record that has no tenant of its own; one whose topic does not match stays as it is. */
  name(record: WireRecord, kafkaTopic: string): void {
    if (record.tenant !== undefined) return
    const match = this.pattern.match(withSlashes(kafkaTopic))
    if (!('levels' in match)) return
    const { tenant, project, device } = match.levels
    record.levels = { ...match.levels }
    if (tenant !== undefined) record.tenant = tenant
    if (project !== undefined) record.project = project
    if (device !== undefined) record.device = device
  }
}

/** A Kafka topic has no slash in it. */
function withSlashes(dotted: string): string {
  return dotted.replaceAll('.', '/')
}
