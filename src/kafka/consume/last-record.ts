/** Keeps one of the last records that went into the flow, for the dialog that shows it. */
import type { Emitted } from './batch-runs'
import { wireRecordOf } from './consumed-record'
import { keptRecord, sampleOf, type RecordSample } from './record-sample'
import type { KafkaSourceSettings } from './source-settings'
import type { WireRecord } from '../../wire/message'

export class LastRecord {
  private kept: WireRecord | undefined
  private isDue = true

  constructor(private readonly topicNames: KafkaSourceSettings['topicNames']) {}

  get sample(): RecordSample | undefined {
    return this.kept && sampleOf(this.kept)
  }

  /** The next record is kept. Call it about once a second: to copy each one would cost too much. */
  keepNext(): void {
    this.isDue = true
  }

  note({ records, run: { batch } }: Emitted): void {
    if (!this.isDue) return
    const last = records.at(-1)
    if (last === undefined) return
    this.isDue = false
    const record = wireRecordOf(last, batch)
    this.topicNames?.name(record, batch.topic)
    this.kept = keptRecord(record)
  }
}
