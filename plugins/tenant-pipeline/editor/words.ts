/** The words of the sidebar, in the language of the editor; a status, which the server sends as keys, included. */
import { asPhrase, type Phrase, type PhraseKey, type StatusText } from '../../../src/status/phrase'
import type { Status } from '../../../src/status/status'
import { textOf } from '../../../src/status/text'

const CATALOGUE = '@iot-bridge/node-red-tenant-pipeline/tenant-pipeline'

export function words(key: string, values: object = {}): string {
  return RED._(`${CATALOGUE}:${key}`, values)
}

/** A status, or a part of one. */
export const inWords = (said: StatusText): string =>
  textOf(said, (key, values) => words(`status.${key}`, values))

/** What the row shows as numbers anyway. */
const NUMBERS: readonly PhraseKey[] = ['perSecond', 'inFlight', 'lag', 'oldest']

/** What the node does, or what is wrong. */
export function stateOf({ text, fill }: Status): string {
  if (text === undefined) return words('sidebar.ready')
  const said = isList(text) ? text : [asPhrase(text)]
  const rest = said.filter(({ key }) => !NUMBERS.includes(key))
  if (rest.length > 0) return inWords(rest)
  return fill === 'yellow' || fill === 'red' ? words('sidebar.heldUp') : words('sidebar.running')
}

function isList(said: StatusText): said is readonly Phrase[] {
  return Array.isArray(said)
}

export function rateText(perSecond: number): string {
  const number = perSecond > 0 && perSecond < 10 ? Math.round(perSecond * 10) / 10 : Math.round(perSecond)
  return inWords({ key: 'perSecond', values: { number } })
}

export function age(seconds: number): Phrase {
  const [key, number]: [PhraseKey, number] =
    seconds < 120
      ? ['seconds', seconds]
      : seconds < 7200
        ? ['minutes', seconds / 60]
        : ['hours', seconds / 3600]
  return { key, values: { number: Math.floor(number) } }
}
