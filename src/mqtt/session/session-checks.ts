/** Compares what a broker granted with what was asked, and puts the difference into words. */
import { PipelineError } from '../../wire/errors'
import type { Granted } from '../connect/connection'
import type { QoS } from '../connect/deferred-acknowledgement'
import { grantedLess, subscriptionRefused } from '../connect/refusals'
import type { Owner } from './old-subscriptions'
import { needsOf } from './topic-filters'
import { asPhrase, phrase, type Phrase, type PlainKey } from '../../status/phrase'
import { english } from '../../status/text'

const FIRST_REFUSAL = 128
const SECONDS_PER_DAY = 86_400

export function sameFilters(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  return a.size === b.size && [...a].every(([filter, qos]) => b.get(filter) === qos)
}

/**
 * Asked before SUBSCRIBE: sending a filter of a kind that the broker has ruled out is a protocol error (MQTT 5
 * §3.2.2.3.11, §3.2.2.3.13), for which a broker may close without a word.
 * @throws PipelineError when the broker has said that it lacks what a filter needs
 */
export function checkAvailable(
  filters: Iterable<string>,
  { wildcards, sharedSubscriptions }: Pick<Granted, 'wildcards' | 'sharedSubscriptions'>,
  host: string,
): void {
  for (const filter of filters) {
    const needs = needsOf(filter)
    if (needs.sharedSubscriptions && !sharedSubscriptions) {
      throw unavailable(
        filter,
        'shared subscriptions',
        'brokerHasNoShared',
        'Use a topic without $share',
        host,
      )
    }
    if (needs.wildcards && !wildcards) {
      throw unavailable(
        filter,
        'wildcards in topics',
        'brokerHasNoWildcards',
        'Name the topics without + and #',
        host,
      )
    }
  }
}

function unavailable(
  filter: string,
  what: string,
  lacks: PlainKey,
  advice: string,
  host: string,
): PipelineError {
  return new PipelineError(
    'MQTT_FILTER_UNAVAILABLE',
    `the MQTT broker at ${host} says that it has no ${what}, which "${filter}" needs. ${advice}, or allow them in the broker`,
    { retryable: true, status: phrase('refused', { reason: asPhrase(lacks) }) },
  )
}

/**
 * @param answers the granted QoS or a reason code of 128 and more, in the order of the filters
 * @throws PipelineError when a filter is refused, or (in safe mode) granted with a lower QoS
 */
export function checkGranted(
  filters: ReadonlyMap<string, QoS>,
  answers: readonly number[],
  safe: boolean,
  host: string,
): void {
  let index = 0
  for (const [filter, asked] of filters) {
    const granted = answers[index++] ?? FIRST_REFUSAL
    if (granted >= FIRST_REFUSAL) throw subscriptionRefused(filter, granted, host)
    if (safe && granted < asked) throw grantedLess(filter, asked, granted, host)
  }
}

export function noSession(host: string): PipelineError {
  return new PipelineError(
    'MQTT_UNSAFE',
    `the MQTT broker at ${host} grants no session (expiry 0): it would forget what arrives while Node-RED is away. ` +
      'Allow sessions in the broker, or allow unsafe settings',
    { retryable: true, status: phrase('refused', { reason: asPhrase('brokerKeepsNoSession') }) },
  )
}

export function shorterExpiry(host: string, granted: number, asked: number): PipelineError {
  return new PipelineError(
    'MQTT_EXPIRY',
    `the MQTT broker at ${host} keeps the session for ${english(duration(granted))}, not for ${english(duration(asked))} as asked: ` +
      'a longer outage of Node-RED loses messages',
    { retryable: true, status: phrase('sessionKeptFor', { time: duration(granted) }) },
  )
}

/** @param lastConnectedMs milliseconds since 1970 */
export function sessionLost(host: string, lastConnectedMs: number): PipelineError {
  const since = new Date(lastConnectedMs).toISOString()
  return new PipelineError(
    'MQTT_SESSION_LOST',
    `the MQTT broker at ${host} has lost the session: messages published since ${since} may be lost. ` +
      "Check the broker's persistence and session expiry",
    { retryable: true, status: phrase('sessionLost', { time: since.slice(11, 19) }) },
  )
}

const OUTSIDE: Readonly<Record<Owner, string>> = {
  old:
    'its session has a subscription of an earlier configuration. They are acknowledged and do not enter the flow, and the ' +
    'subscription is ended. If they come again, use a new client ID',
  inDoubt:
    'either its session has a subscription of an earlier configuration, or it rewrites topics. They wait, without an ' +
    'acknowledgement, until each topic filter has brought a message that it matches. To decide it, set "Other topics" of ' +
    'this source to "send on" or to "ignore"',
  ours:
    'it rewrites topics. They enter the flow. After a restart this cannot be known: set "Other topics" of this source to ' +
    '"send on", or use MQTT 5',
}

/** The broker sends what no filter of ours matches. */
export function outsideFilters(topic: string, owner: Owner): PipelineError {
  return new PipelineError(
    'MQTT_OUTSIDE_FILTERS',
    `the MQTT broker sends messages that no topic filter of this source matches, such as of "${topic.slice(0, 200)}": ` +
      OUTSIDE[owner],
    { retryable: true, status: 'outsideFilter' },
  )
}

/** Not known to have been lost: this process has not been connected before. */
export function sessionNew(host: string): PipelineError {
  return new PipelineError(
    'MQTT_SESSION_NEW',
    `the MQTT broker at ${host} had no session for this client ID. This is expected on the first connection. ` +
      'Has it been connected before, the broker has lost the session, and what was published since may be lost',
    { retryable: true, status: 'sessionNew' },
  )
}

function duration(seconds: number): Phrase {
  return seconds >= SECONDS_PER_DAY
    ? phrase('days', { number: (seconds / SECONDS_PER_DAY).toFixed(1) })
    : phrase('seconds', { number: String(seconds) })
}
