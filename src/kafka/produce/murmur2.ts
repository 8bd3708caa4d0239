/**
 * Murmur2 as Kafka's Java client computes it over a record's key, so that our keys land on the same partitions as
 * those of other clients. (`org.apache.kafka.common.utils.Utils.murmur2`; kafkajs' own goes through a 64-bit class and is
 * several times slower.)
 */
const SEED = 0x9747b28c
const MULTIPLIER = 0x5bd1e995
const ROTATION = 24

/** @returns a signed 32-bit number, as in Java */
export function murmur2(key: Uint8Array): number {
  const { length } = key
  let hash = SEED ^ length
  const whole = length & ~3
  for (let at = 0; at < whole; at += 4) {
    let word = Math.imul(wordAt(key, at), MULTIPLIER)
    word ^= word >>> ROTATION
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER)
  }
  const rest = length - whole
  if (rest > 0) {
    for (let at = rest - 1; at >= 0; at--) hash ^= byteAt(key, whole + at) << (8 * at)
    hash = Math.imul(hash, MULTIPLIER)
  }
  hash ^= hash >>> 13
  hash = Math.imul(hash, MULTIPLIER)
  return hash ^ (hash >>> 15)
}

/** Little-endian, also where there is no Buffer: dialogs use this in the browser. */
function wordAt(key: Uint8Array, at: number): number {
  return (
    byteAt(key, at) | (byteAt(key, at + 1) << 8) | (byteAt(key, at + 2) << 16) | (byteAt(key, at + 3) << 24)
  )
}

const byteAt = (key: Uint8Array, at: number): number => key[at] as number

/** The partition of a key, as Kafka's default partitioner chooses it. */
export function partitionOfKey(key: Uint8Array | string, partitions: number): number {
  return (murmur2(typeof key === 'string' ? Buffer.from(key) : key) & 0x7fffffff) % partitions
}
