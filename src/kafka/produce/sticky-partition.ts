/**
 * The partition of records without a key: the same one until a batch's worth of bytes went there, then the next. One
 * record to each partition in turn would make many small requests (KIP-480, KIP-794).
 */
const STICK_BYTES = 65_536

export class StickyPartition {
  private bytes = 0

  /** @param partition where to begin; spread it, so that several producers do not begin at the same one */
  constructor(private partition: number) {}

  next(bytes: number, partitions: number): number {
    if (this.bytes >= STICK_BYTES) {
      this.partition++
      this.bytes = 0
    }
    this.bytes += bytes
    this.partition %= partitions
    return this.partition
  }
}
