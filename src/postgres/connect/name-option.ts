/** The option of a node that is a name in the database: of a schema, a table, a role. */
import { text, type TextOption } from '../../config/options'

/** What a dialog accepts as a name: no quotes are ever needed, and none can be broken out of. */
export const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/

/** @param byDefault without it the field may be empty */
export function nameOption(byDefault = ''): TextOption {
  return text({
    default: byDefault,
    required: byDefault !== '',
    pattern: IDENTIFIER,
    expects: 'databaseIdentifier',
  })
}
