/**
 * Compression in kafkajs: gzip is built in, Snappy comes from kafkajs-snappy, Zstandard from Node.js where it has
 * it (22.15 and newer), LZ4 from nowhere yet. All decoders are registered before the first client is made, because a
 * batch of another producer in an unknown codec would end a consumer.
 */
import zlib from 'node:zlib'
import { promisify } from 'node:util'
import { CompressionCodecs, CompressionTypes } from 'kafkajs'
import SnappyCodec from 'kafkajs-snappy'
import { PipelineError } from '../runtime/errors'
import type { Compression } from './driver'

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

let registered = false

export function registerCodecs(): void {
  if (registered) return
  registered = true
  CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec
  CompressionCodecs[CompressionTypes.ZSTD] = zstandardCodec
}

function zstandardCodec(): unknown {
  if (zstdCompress === undefined || zstdDecompress === undefined) throw unavailable('zstd')
  const compress = promisify(zstdCompress)
  const decompress = promisify(zstdDecompress)
  return {
    compress: (encoder: Encoder): Promise<Buffer> => compress(encoder.buffer),
    decompress: (buffer: Buffer): Promise<Buffer> => decompress(buffer),
  }
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

function unavailable(compression: 'lz4' | 'zstd'): PipelineError {
  const reason =
    compression === 'zstd'
      ? `Node.js ${process.versions.node} has no Zstandard (22.15 and newer have it)`
      : 'there is no LZ4 codec in this version'
  return new PipelineError(
    'KAFKA_COMPRESSION_UNAVAILABLE',
    `compression ${compression} is not available: ${reason}. Choose snappy or gzip`,
    { retryable: false, statusText: `no ${compression} here` },
  )
}
