import { runInNewContext } from 'node:vm'

/** Texts that have broken programs, collected for this test: as tenant, topic, key, header and value they are texts. */
export const NAUGHTY: readonly string[] = [
  // what programs take for nothing, or for something else
  'null', 'NULL', 'undefined', 'nil', 'None', 'true', 'FALSE', 'NaN', 'Infinity', '-0', '0x1F', '1e5', '1/0', '00', '\\N', '\\.',
  '', ' ', '  two  ', '\t', '\r', '\n', '\r\n', '\u00a0', '\u2003', '\u3000', '\ufeff', '\u200b', '\u180e',
  // quotes, escapes and separators of every kind
  "'", '"', '`', "''", '""', "'; drop table iot_messages; --", "' or '1'='1", '$1', '$$', '$body$', '%s', '%00', '%2e%2e%2f', '{}', '[]', '{{x}}', '${x}',
  '\\', '\\\\', '\\x00', '\\u0000', '\\n', '\\t', '\\"', 'a\\', 'a\tb', 'a\nb', 'a|b', 'a,b', 'a;b', '#', '+', '$', '*', '?', '../../x', 'C:\\x', '/dev/null',
  // names that objects have
  '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length', 'valueOf', '__defineGetter__',
  // markup, and what terminals obey
  '<script>alert(1)</script>', '&amp;', '<!--', ']]>', '=1+1', '@SUM(1)', '\u001b[31m', '\u0007', '\u0008', '\u007f', '\u0085',
  // writing systems
  '\u00fcml\u00e4ut', '\u65e5\u672c\u8a9e', '\u0627\u0644\u0639\u0631\u0628\u064a\u0629', '\u05e2\u05d1\u05e8\u05d9\u05ea', '\u0e44\u0e17\u0e22', '\u043f\u0440\u0438\u0432\u0435\u0442', '\u1e9e', '\u0130', '\u0131', '\u017f', '\ufb01', '\u212b', 'A\u030a',
  '\u202eabc', '\u2066x\u2069', 'Z\u0351\u036b\u0343\u036a\u0302', '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}', '\u{1f1e9}\u{1f1ea}', '\u{1f44d}\u{1f3ff}', '\u{10ffff}', '\ufffd', '\uffff', '\ue000',
  // lengths
  'x'.repeat(63), 'x'.repeat(64), 'x'.repeat(255), 'x'.repeat(2_000), '\u{1f600}'.repeat(500),
] // prettier-ignore

/** What every object of JavaScript has. Libraries of tests add to it in this process. */
export const BUILT_IN = runInNewContext('Object.getOwnPropertyNames(Object.prototype)') as readonly string[]
