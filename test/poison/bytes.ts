/** Bytes that are no text, and text that is no JSON: P1 to P24. */
import { gzipSync } from 'node:zlib'
import { NO_JSON, NO_TEXT, NOT_ENCODABLE, NUL, payload, ROWS, type PoisonInput } from './poison-input'

/** Good JSON, which `jsonb` has no character for. */
const noCharacter = (code: string): typeof ROWS => ({ ...ROWS, jsonb: code })
const bytes = (...all: number[]): Buffer => Buffer.from(all)
/** In quotes, so that nothing but the bytes inside is wrong. */
const quoted = (...all: number[]): Buffer => bytes(0x22, ...all, 0x22)

export const BYTES: readonly PoisonInput[] = [
  // MQTT has no better way to say "no value" than an empty payload; JSON has no empty text.
  ...payload('P1', 'nothing', Buffer.alloc(0), NO_JSON),
  ...payload('P2', 'white space only', ' \t\r\n ', NO_JSON),
  ...payload('P3', 'a NUL byte', Buffer.from('{"a":"\0"}'), NUL),
  ...payload('P4', 'an escaped NUL', '{"a":"x\\u0000"}', noCharacter('22P05')),
  ...payload('P5', 'an escaped NUL in a key', '{"\\u0000":1}', noCharacter('22P05')),
  ...payload('P6', 'the first half of a surrogate pair', '{"a":"\\ud800"}', noCharacter('22P02')),
  ...payload('P6', 'the first half, and then a letter', '{"a":"\\ud800\\u0041"}', noCharacter('22P02')),
  ...payload('P7', 'the second half of a surrogate pair', '{"a":"\\udc00"}', noCharacter('22P02')),
  ...payload('P8', 'a surrogate pair the wrong way round', '{"a":"\\udc00\\ud800"}', noCharacter('22P02')),
  ...payload('P8', 'a surrogate pair the right way round', '{"a":"\\ud83d\\ude00"}', ROWS),
  ...payload('P9', 'text of the flow with half of a surrogate pair', '"\ud800"', NOT_ENCODABLE),
  ...payload('P10', 'a byte that is no text', quoted(0xff), NO_TEXT),
  ...payload('P11', 'an overlong form of NUL', quoted(0xc0, 0x80), NO_TEXT),
  ...payload('P12', 'half of a surrogate pair as bytes', quoted(0xed, 0xa0, 0x80), NO_TEXT),
  ...payload('P13', 'a character beyond Unicode', quoted(0xf5, 0x80, 0x80, 0x80), NO_TEXT),
  ...payload('P14', 'a character that is cut off', bytes(0x22, 0xe2, 0x82), NO_TEXT),
  ...payload('P15', 'a byte order mark', Buffer.from('\ufeff{"a":1}'), NO_JSON),
  ...payload('P16', 'UTF-16, low byte first', Buffer.from('{"a":1}', 'utf16le'), NUL),
  ...payload('P16', 'UTF-16, high byte first', Buffer.from('{"a":1}', 'utf16le').swap16(), NUL),
  ...payload('P17', 'Latin-1', Buffer.from('{"a":"\u00fc"}', 'latin1'), NO_TEXT),
  ...payload('P18', 'a raw control character in a string', '{"a":"\u0001"}', NO_JSON),
  ...payload('P18', 'a raw line feed in a string', '{"a":"x\ny"}', NO_JSON),
  ...payload('P19', 'DEL', '{"a":"\u007f"}', ROWS),
  ...payload('P20', 'line and paragraph separators', '{"a":"\u2028\u2029"}', ROWS),
  ...payload('P21', 'text that runs backwards, and no width', '{"a":"\u202e\u200b\u2066x\u2069"}', ROWS),
  ...payload('P21', 'a thousand accents on one letter', `{"a":"e${'\u0301'.repeat(1000)}"}`, ROWS),
  ...payload('P22', 'a terminal sequence and a new line, escaped', '{"a":"\\u001b[2J\\r\\nERROR"}', ROWS),
  ...payload('P22', 'a terminal sequence and a new line, raw', '\u001b[2J\r\nERROR all is lost', NO_JSON),
  // Never inflated: a bomb stays as small as it came.
  ...payload('P23', 'gzip', gzipSync('{"a":1}'), NUL),
  ...payload('P23', 'a gzip bomb', gzipSync(Buffer.alloc(10_000_000)), NUL),
  ...payload('P24', 'CBOR', bytes(0xa1, 0x61, 0x61, 0x01), NO_TEXT),
  ...payload('P24', 'protobuf', bytes(0x08, 0x96, 0x01), NO_TEXT),
  ...payload('P24', 'MessagePack', bytes(0x81, 0xa1, 0x61, 0x01), NO_TEXT),
]
