/** The options of `tenant-topic`; the dialog is tested against this table. */
import { choice, text } from '../../src/runtime/options'
import { DEFAULT_ALLOWED_NAME } from '../../src/tenant/names'

export const options = {
  pattern: text({
    default: 'mtic/msg/client/realtime/{tenant}/{project}/{device}/#',
    required: true,
    pattern: /(^|\/)[^/{}]*\{tenant\}[^/{}]*(\/|$)/,
    expects: 'a topic pattern with {tenant}',
  }),
  allowedTenant: text({ default: DEFAULT_ALLOWED_NAME, required: true }),
  allowedProject: text({ default: DEFAULT_ALLOWED_NAME, required: true }),
  strategy: choice(['shared', 'template'], 'shared'),
  kafkaTopic: text({ default: 'iot-messages' }),
  topicTemplate: text({ default: '{tenant}.{project}' }),
  /** Empty: all named levels, joined by "/". */
  keyTemplate: text(),
}
