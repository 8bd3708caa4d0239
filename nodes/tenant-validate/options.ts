/** The options of `tenant-validate`; its dialog uses this table as well. */
import { ERROR_OUTPUT } from '../../src/delivery/sinks/rejected-message'
import { choice, text } from '../../src/config/options'

/** Of a new node: what most devices send. */
const FIRST_RULE = [{ when: 'any', schema: '{\n  "type": "object"\n}' }]

export const options = {
  /** A list in JSON, see `src/validate/rules.ts`. */
  rules: text({ default: JSON.stringify(FIRST_RULE), required: true, expects: 'validationRules' }),
  unknownFields: choice(['reject', 'remove'], 'reject'),
  noRule: choice(['reject', 'pass'], 'reject'),
  /** What an invalid record is, when no sink behind the second output has stored it: a failure, or gone. */
  deadLetters: choice(ERROR_OUTPUT, 'output'),
}
