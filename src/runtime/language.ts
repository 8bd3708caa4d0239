/** The language of statuses: the one in which Node-RED itself runs (`lang` in its settings, or the variable `LANG`). */
import type { Status } from '../status/status'
import { inEnglish, textOf, type Translate } from '../status/text'
import type { NodeStatus } from './host'

/** What is used of Node-RED's `RED`: it looks into the catalogue of the node that it was given to. */
export interface LanguageHost {
  _(key: string, values?: object): string
}

/** Speaks English where Node-RED has no catalogue, as in a test without an installed package. */
export function translator(RED: LanguageHost): Translate {
  return (key, values) => {
    const path = `status.${key}`
    const text = RED._(path, values)
    return text === path ? inEnglish(key, values) : text
  }
}

export function inWords({ text, ...shown }: Status, translate: Translate): NodeStatus {
  return text === undefined ? shown : { ...shown, text: textOf(text, translate) }
}
