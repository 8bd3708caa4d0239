/** The option of a node that is a name in the database: of a schema, a table, a role. */
import { text, type TextOption } from '../../config/options'
import { IDENTIFIER } from './identifiers'

/** @param byDefault without it the field may be empty */
export function nameOption(byDefault = ''): TextOption {
  return text({
    default: byDefault,
    required: byDefault !== '',
    pattern: IDENTIFIER,
    expects: 'a name of letters, digits and underscores, at most 63',
  })
}
