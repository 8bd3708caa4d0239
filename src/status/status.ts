/** A status before it is put into words: the library says what is the case, and the node's runtime says it in its language. */
import type { StatusText } from './phrase'

export interface Status {
  readonly fill?: 'red' | 'green' | 'yellow' | 'blue' | 'grey'
  readonly shape?: 'dot' | 'ring'
  readonly text?: StatusText
}
