import { isVariable, textOf } from '../../../editor/node'
import { options } from '../../../editor/options'
import { isReadable, type Check } from '../../../editor/properties'
import { readOptions } from '../../../src/config/options'
import { readColumns, type PayloadType } from '../../../src/postgres/rows/columns'
import { conflictsOf, type Conflict, type Fitting } from '../../../src/postgres/sink/option-conflicts'

const WORDS = {
  pastDays: 'tenant-postgres-sink.conflict.pastDays',
  compressAfterDays: 'tenant-postgres-sink.conflict.compressAfterDays',
  readerRole: 'tenant-postgres-sink.conflict.readerRole',
  key: 'tenant-postgres-sink.conflict.key',
}

const table = options['tenant-postgres-sink'] ?? {}

/** Whether an option fits the others; while one of those is wrong or comes from the environment, it does. */
export function fits(option: keyof typeof WORDS): Check {
  return function () {
    if (Object.keys(table).some((name) => isVariable(textOf(this[name])))) return true
    const find = (): Conflict[] => {
      const values = readOptions(table, this)
      const { columns, payloadType, timeProperty } = values as Record<string, string>
      return conflictsOf(
        values as unknown as Fitting,
        readColumns(String(columns), payloadType as PayloadType, timeProperty !== ''),
      )
    }
    const isBroken = isReadable(find) && find().some((conflict) => conflict.option === option)
    return !isBroken || this._(WORDS[option])
  }
}
