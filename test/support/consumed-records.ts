/** A record as a driver hands it over. */
import type { ConsumedRecord } from '../../src/kafka/driver'

type Fields = Pick<ConsumedRecord, 'offset' | 'key' | 'value' | 'headers' | 'timestamp'>

export function consumedRecord(fields: Partial<Fields> = {}): ConsumedRecord {
  const all: Fields = { offset: 0, key: null, value: null, headers: {}, timestamp: 0, ...fields }
  return {
    ...all,
    size: (all.key?.length ?? 0) + (all.value?.length ?? 0),
    hasHeader: (name) => all.headers[name] !== undefined,
    headerBytes: undefined,
  }
}
