/**
 * What a status says: a key of the catalogue, and the values that its text takes. It becomes text only when it is shown
 * (`text.ts`), in the language of Node-RED; so whatever may end up in a status can be made without knowing a language.
 */
import type { ENGLISH } from './en-US'

type English = typeof ENGLISH
export type PhraseKey = keyof English

/** The names between double underscores. */
type NamesIn<Text extends string> = Text extends `${string}__${infer Name}__${infer Rest}`
  ? Name | NamesIn<Rest>
  : never

/** A key whose text takes no values. */
export type PlainKey = { [Key in PhraseKey]: NamesIn<English[Key]> extends never ? Key : never }[PhraseKey]

export interface Phrase {
  readonly key: PhraseKey
  readonly values?: Readonly<Record<string, string | number | Phrase>>
}

/** Several are shown with dots between them. */
export type StatusText = PlainKey | Phrase | readonly Phrase[]

/** The compiler checks that the values are those of the English text. */
export function phrase<Key extends PhraseKey>(
  key: Key,
  ...[values]: NamesIn<English[Key]> extends never
    ? []
    : [Readonly<Record<NamesIn<English[Key]>, string | number | Phrase>>]
): Phrase {
  return values === undefined ? { key } : { key, values }
}

/** A key without values is a phrase, too. */
export function asPhrase(said: PlainKey | Phrase): Phrase {
  return typeof said === 'string' ? { key: said } : said
}
