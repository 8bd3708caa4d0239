/** Cuts a stream of bytes into MQTT packets, and shows those of one type. */
const NOTHING = Buffer.alloc(0)

export class PacketCutter {
  private rest: Buffer = NOTHING

  /** @param show gets the packet, and where its body begins in it */
  constructor(
    private readonly type: number,
    private readonly show: (packet: Buffer, body: number) => void,
  ) {}

  add(chunk: Buffer): void {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    let at = 0
    while (at < bytes.length) {
      const sizes = sizesAt(bytes, at)
      if (sizes === undefined || at + sizes.packet > bytes.length) break
      if (bytes[at]! >> 4 === this.type) this.show(bytes.subarray(at, at + sizes.packet), sizes.head)
      at += sizes.packet
    }
    this.rest = at === bytes.length ? NOTHING : bytes.subarray(at)
  }
}

/** `undefined` while the length is not complete: it has one to four bytes, seven bits each. */
function sizesAt(bytes: Buffer, at: number): { head: number; packet: number } | undefined {
  let length = 0
  for (let index = 1; index <= 4 && at + index < bytes.length; index++) {
    const byte = bytes[at + index]!
    length += (byte & 0x7f) * 128 ** (index - 1)
    if (byte < 0x80) return { head: index + 1, packet: index + 1 + length }
  }
  return undefined
}
