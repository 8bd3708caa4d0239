/** Numbers as Kafka's record format has them (KIP-98): zigzag, seven bits a byte, the lowest first. */

/** Seven bytes of seven bits: what is summed up to here is exact. */
const WIDE = 2 ** 49

/** Reads along some bytes. What ends too early is an error: nothing is made up. */
export class VarintReader {
  constructor(
    readonly bytes: Buffer,
    public at: number,
    public end: number,
  ) {}

  /** Of 32 bits. */
  int(): number {
    const { bytes } = this
    let byte = bytes[this.at++] as number
    let value = byte & 0x7f
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift > 28) throw new RangeError('a number has more than five bytes')
      byte = bytes[this.at++] as number
      value |= (byte & 0x7f) << shift
    }
    if (this.at > this.end) throw cutOff()
    return (value >>> 1) ^ -(value & 1)
  }

  /** Of 64 bits. A number when it has at most 49 of them, as nearly all have. */
  long(): number | bigint {
    const { at: start, bytes } = this
    let value = 0
    for (let weight = 1; weight < WIDE; weight *= 0x80) {
      const byte = bytes[this.at++] as number
      value += (byte & 0x7f) * weight
      if (byte >= 0x80) continue
      if (this.at > this.end) throw cutOff()
      return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    }
    this.at = start
    return this.wideLong()
  }

  private wideLong(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.at >= this.end) throw cutOff()
      const byte = this.bytes[this.at++] as number
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return (BigInt.asUintN(64, value) >> 1n) ^ -(value & 1n)
    }
    throw new RangeError('a number has more than ten bytes')
  }

  /** Steps over this many bytes, none when it is the -1 of what is `null`. */
  skip(length: number): void {
    if (length <= 0) {
      if (length < -1) throw new RangeError('a length is negative')
      return
    }
    this.at += length
    if (this.at > this.end) throw cutOff()
  }
}

function cutOff(): RangeError {
  return new RangeError('it ends too early')
}
