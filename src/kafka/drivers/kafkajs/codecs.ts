/**
 * Compression in kafkajs: gzip is built in, the others come from libraries. A broker may recompress what we wrote (a
 * topic's `compression.type`), so every codec of Kafka can be read on every Node.js that we support, whatever we write
 * with. All decoders are registered before the first client is made: a batch in an unknown codec stops its partition.
 */
import zlib from 'node:zlib'
import { promisify } from 'node:util'
import { decompress as decompressZstandard } from 'fzstd'
import { CompressionCodecs, CompressionTypes } from 'kafkajs'
import SnappyCodec from 'kafkajs-snappy'
import { decompress as decompressLz4 } from 'lz4js'
import { PipelineError } from '../../../wire/errors'
import type { Compression } from '../../driver'
import { phrase } from '../../../status/phrase'

type Transform = (input: Buffer, callback: (error: Error | null, output: Buffer) => void) => void

/** Present in Node.js 22.15 and newer; our types are those of Node.js 20. */
const { zstdCompress, zstdDecompress } = zlib as unknown as {
  readonly zstdCompress?: Transform
  readonly zstdDecompress?: Transform
}

/** What kafkajs hands to a codec for compression. */
interface Encoder {
  readonly buffer: Buffer
}

/** What kafkajs asks a codec for. */
interface Codec {
  compress(encoder: Encoder): Promise<Buffer>
  decompress(buffer: Buffer): Promise<Buffer>
}

let registered = false

export function registerCodecs(): void {
  if (registered) return
  registered = true
  CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec
  CompressionCodecs[CompressionTypes.LZ4] = () => lz4Codec
  CompressionCodecs[CompressionTypes.ZSTD] = () => zstandardCodec
}

const lz4Codec: Codec = {
  compress: () => Promise.reject(unavailable('lz4')),
  decompress: (buffer) => new Promise((resolve) => resolve(asBuffer(decompressLz4(buffer)))),
}

const zstandardCodec: Codec = {
  compress: async ({ buffer }) => {
    if (zstdCompress === undefined) throw unavailable('zstd')
    return promisify(zstdCompress)(buffer)
  },
  decompress: async (buffer) =>
    zstdDecompress === undefined ? asBuffer(decompressZstandard(buffer)) : promisify(zstdDecompress)(buffer),
}

/** The same bytes, not copied. */
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

/** @throws PipelineError `KAFKA_COMPRESSION_UNAVAILABLE` when this Node.js cannot compress that way */
export function compressionType(compression: Compression): CompressionTypes {
  switch (compression) {
    case 'none':
      return CompressionTypes.None
    case 'gzip':
      return CompressionTypes.GZIP
    case 'snappy':
      return CompressionTypes.Snappy
    case 'zstd':
      if (zstdCompress === undefined) throw unavailable('zstd')
      return CompressionTypes.ZSTD
    case 'lz4':
      throw unavailable('lz4')
  }
}

/**
 * Reading works with both. Writing LZ4 does not: Kafka takes only frames of independent blocks, and the library that
 * reads them writes linked ones.
 */
function unavailable(compression: 'lz4' | 'zstd'): PipelineError {
  const reason =
    compression === 'zstd'
      ? `Node.js ${process.versions.node} can read Zstandard but not write it (22.15 and newer can)`
      : 'this package reads LZ4 but does not write it'
  return new PipelineError(
    'KAFKA_COMPRESSION_UNAVAILABLE',
    `compression ${compression} is not available: ${reason}. Choose snappy or gzip`,
    { retryable: false, status: phrase('noCodec', { codec: compression }) },
  )
}
