import assert from 'node:assert/strict'
import { parseArray, rewriteRange } from '../../../../src/postgres/rows/literals'

describe('the text of an array', () => {
  for (const [text, expected] of [
    ['{}', []],
    [' { 1 , 2 } ', ['1', '2']],
    ['{a b,NULL,"NULL",null}', ['a b', null, 'NULL', null]],
    ['{"a,b","\\\"}",x\\y}', ['a,b', '"}', 'xy']],
    ['{{1},{2}}', [['1'], ['2']]],
  ] as const)
    it(`is taken apart: ${text}`, () => assert.deepEqual(parseArray(text), expected))

  for (const text of [
    '',
    '1',
    '[1]',
    '{1',
    '1}',
    '{1}}',
    '{1},{2}',
    '{,}',
    '{1,}',
    '{1 "2"}',
    '{"1}',
    '[0:1]={1,2}',
  ])
    it(`is none: ${text}`, () => assert.equal(parseArray(text), undefined))

  // A text that is looked at again and again would hold up the whole process.
  for (const some of [' ', '{', '"', ',', 'a ', '\\'])
    it(`is read in one walk, however long: ${some.repeat(4)}`, () =>
      assert.equal(parseArray(`{${some.repeat(200_000)}`), undefined))
})

describe('the text of a range', () => {
  const bound = (text: string): string => `<${text}>`
  for (const [text, expected] of [
    ['[1,2)', '["<1>","<2>")'],
    ['(,5]', '(,"<5>"]'],
    ['empty', 'empty'],
    ['["2024-11-27 10:00",)', '["<2024-11-27 10:00>",)'],
    ['{[1,2),[3,4)}', '{["<1>","<2>"),["<3>","<4>")}'],
    ['{}', '{}'],
  ] as const)
    it(`has its bounds read: ${text}`, () => assert.equal(rewriteRange(text, bound), expected))

  for (const text of [
    '',
    '1',
    '[1]',
    '[1,2',
    '[1,2),[3,4)',
    '[1,2,3)',
    '{[1,2) [3,4)}',
    '[n\\ow,)',
    '[n"o"w,)',
  ])
    it(`is none: ${text}`, () => assert.equal(rewriteRange(text, bound), undefined))
})
