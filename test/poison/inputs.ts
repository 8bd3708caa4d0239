/** All poison inputs that can reach a sink; those that cannot are in `elsewhere.ts`. */
import { BYTES } from './bytes'
import { ENVELOPE } from './envelope'
import { JSON_SHAPES } from './json'
import { KEYS } from './keys'
import { NUMBERS } from './numbers'
import type { PoisonInput } from './poison-input'
import { TIMES } from './time'

export const POISON: readonly PoisonInput[] = [
  ...BYTES,
  ...JSON_SHAPES,
  ...NUMBERS,
  ...TIMES,
  ...KEYS,
  ...ENVELOPE,
]
