/** Statuses in English, as a Node-RED without another language shows them. */
import { inWords } from '../../src/runtime/language'
import type { NodeStatus } from '../../src/runtime/host'
import { phrase, type Phrase } from '../../src/status/phrase'
import type { Status } from '../../src/status/status'
import { inEnglish } from '../../src/status/text'

export const shownInEnglish = (status: Status): NodeStatus => inWords(status, inEnglish)

/** A status of a test's own. */
export const verbatim = (text: string): Phrase => phrase('verbatim', { text })
