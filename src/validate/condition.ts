/** Of which records a rule speaks, compiled when the node is deployed. */
import { compileLinear } from '../config/linear-pattern'
import { follow, readPath, type PropertyPath } from '../record/property-path'
import { TopicCache } from '../tenant/topic-cache'
import { TopicPattern } from '../tenant/topic-pattern'
import type { WireRecord } from '../wire/message'
import type { Rule } from './rules'

/** @param payload the parsed payload */
export type Condition = (record: WireRecord, payload: unknown) => boolean

/** @param rule one that `readRules` has accepted; `or` has no condition of its own */
export function compileCondition({ when, property = '', is = '' }: Rule): Condition {
  if (when === 'any' || when === 'or') return () => true
  const matches = remembering(when === 'topic' ? topicTest(is) : nameTest(is))
  if (when !== 'property') return (record) => matches(record[when])
  const path = readPath(property, 'known') as PropertyPath
  return path[0] === 'payload'
    ? (_record, payload) => matches(follow(payload, path, 1))
    : (record) => matches(follow(record, path, 0))
}

function topicTest(pattern: string): (text: string) => boolean {
  const compiled = TopicPattern.compile(pattern)
  return (topic) => 'levels' in compiled.match(topic)
}

function nameTest(expression: string): (text: string) => boolean {
  const compiled = compileLinear(expression)
  return (name) => compiled.matchesWhole(name)
}

/** Devices send the same few names again and again. Numbers and flags count as the text that they are written as. */
function remembering(test: (text: string) => boolean): (value: unknown) => boolean {
  const cache = new TopicCache<boolean>(1000)
  return (value) => {
    if (typeof value === 'string') return cache.get(value, test)
    return (typeof value === 'number' || typeof value === 'boolean') && cache.get(String(value), test)
  }
}
