/** The options of `tenant-batch`; its dialog uses this table as well. */
import { choice } from '../../src/config/options'

export const options = {
  mode: choice(['split', 'join'], 'split'),
}
