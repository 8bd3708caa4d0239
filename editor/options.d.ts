/** The option tables of all nodes, as `nodes/<node>/options.ts` has them: the build writes them beside this module. */
import type { OptionTable } from '../src/config/options'

export const options: Readonly<Record<string, OptionTable>>
