/**
 * Murmur2 as Kafka's Java client computes it over a record's key, so that our keys land on the same partitions as
 * those of other clients. (`org.apache.kafka.common.utils.Utils.murmur2`; kafkajs' own goes through a 64-bit class and is
 * several times slower.)
 */
const SEED = 0x9747b28c
const MULTIPLIER = 0x5bd1e995
const ROTATION = 24

/** @returns a signed 32-bit number, as in Java */
export function murmur2(key: Buffer): number {
  const { length } = key
  let hash = SEED ^ length
  const whole = length & ~3
  for (let at = 0; at < whole; at += 4) {
    let word = Math.imul(key.readInt32LE(at), MULTIPLIER)
    word ^= word >>> ROTATION
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER)
  }
  const rest = length - whole
  if (rest > 0) {
    for (let at = rest - 1; at >= 0; at--) hash ^= (key[whole + at] ?? 0) << (8 * at)
    hash = Math.imul(hash, MULTIPLIER)
  }
  hash ^= hash >>> 13
  hash = Math.imul(hash, MULTIPLIER)
  return hash ^ (hash >>> 15)
}

/** The partition of a key, as Kafka's default partitioner chooses it. */
export function partitionOfKey(key: Buffer | string, partitions: number): number {
  return (murmur2(typeof key === 'string' ? Buffer.from(key) : key) & 0x7fffffff) % partitions
}
