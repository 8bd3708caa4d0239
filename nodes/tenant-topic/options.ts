/** The options of `tenant-topic`; its dialog uses this table as well. */
import { ERROR_OUTPUT } from '../../src/delivery/sinks/rejected-message'
import { choice, text } from '../../src/config/options'
import { DEFAULT_ALLOWED_NAME } from '../../src/tenant/names'

export const options = {
  pattern: text({
    default: 'mtic/msg/client/realtime/{tenant}/{project}/{device}/#',
    required: true,
    pattern: /(^|\/)[^/{}]*\{tenant\}[^/{}]*(\/|$)/,
    expects: 'topicPattern',
  }),
  allowedTenant: text({ default: DEFAULT_ALLOWED_NAME, required: true, expects: 'regularExpression' }),
  allowedProject: text({ default: DEFAULT_ALLOWED_NAME, required: true, expects: 'regularExpression' }),
  strategy: choice(['shared', 'template'], 'shared'),
  kafkaTopic: text({ default: 'iot-messages', expects: 'kafkaTopic' }),
  topicTemplate: text({ default: '{tenant}.{project}', expects: 'topicTemplate' }),
  /** Empty: all named levels, joined by "/". */
  keyTemplate: text({ expects: 'keyTemplate' }),
  /** What a message is that does not match, when no sink behind the second output has stored it: a failure, or gone. */
  deadLetters: choice(ERROR_OUTPUT, 'output'),
}
