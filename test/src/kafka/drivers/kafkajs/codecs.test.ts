import assert from 'node:assert/strict'
import zlib from 'node:zlib'
import { CompressionTypes } from 'kafkajs'
import { compressionType } from '../../../../../src/kafka/drivers/kafkajs/codecs'

describe('compression', () => {
  it('knows none, gzip and Snappy everywhere', () => {
    assert.equal(compressionType('none'), CompressionTypes.None)
    assert.equal(compressionType('gzip'), CompressionTypes.GZIP)
    assert.equal(compressionType('snappy'), CompressionTypes.Snappy)
  })

  it('has Zstandard where Node.js has it, and says so where not', () => {
    if ('zstdCompress' in zlib) assert.equal(compressionType('zstd'), CompressionTypes.ZSTD)
    else
      assert.throws(() => compressionType('zstd'), {
        code: 'KAFKA_COMPRESSION_UNAVAILABLE',
        message: /22\.15/,
      })
  })

  it('reads LZ4 and does not write it', () => {
    assert.throws(() => compressionType('lz4'), {
      code: 'KAFKA_COMPRESSION_UNAVAILABLE',
      retryable: false,
      message: /reads LZ4/,
    })
  })
})
