/** Turns what a status says into text. */
import { shownNumber } from './shown-number'
import { ENGLISH } from './en-US'
import { asPhrase, type Phrase, type PhraseKey, type StatusText } from './phrase'

/** Gives the text of a key, with these values put in. */
export type Translate = (key: PhraseKey, values: Readonly<Record<string, string>>) => string

/** Numbers have commas between thousands; several phrases have dots between them. */
export function textOf(said: StatusText, translate: Translate): string {
  if (isList(said)) return said.map((each) => textOf(each, translate)).join(' · ')
  const { key, values = {} } = asPhrase(said)
  const shown = Object.entries(values).map(([name, value]) => [name, shownValue(value, translate)])
  return translate(key, Object.fromEntries(shown) as Record<string, string>)
}

/** For the log, which is English, and where there is no catalogue. */
export function english(said: StatusText): string {
  return textOf(said, inEnglish)
}

export const inEnglish: Translate = (key, values) =>
  ENGLISH[key].replaceAll(/__([a-zA-Z]+)__/g, (whole, name: string) => values[name] ?? whole)

function shownValue(value: string | number | Phrase, translate: Translate): string {
  if (typeof value === 'string') return value
  return typeof value === 'number' ? shownNumber(value) : textOf(value, translate)
}

function isList(said: StatusText): said is readonly Phrase[] {
  return Array.isArray(said)
}
