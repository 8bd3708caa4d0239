import { defineRow, type Side } from '../row'
import { runOnce } from '../subjects/run-once'
import type { ValidationPlan, ValidationTimes } from '../subjects/validation'

type ValidateSide = Side & Omit<ValidationPlan, 'records'>

const MB = 2 ** 20
const PARSED = 'only parsed as JSON'
const FITTING = 'all fit'

export const validate = defineRow<ValidateSide>({
  name: 'validate',
  title: '9 Validation',
  rounds: 3,
  measures:
    'Records of 190 B in batches of 1,000, judged as `tenant-validate` does by a schema of ten fields; each invalid one is wrong in two places, and leaves with both reasons. On one thread, in a process of its own; nothing is stored.',
  reference: [PARSED],
  sides: [
    { name: PARSED, work: 'parse', invalidEvery: 0 },
    { name: FITTING, work: 'validate', invalidEvery: 0, quick: true },
    { name: '1 in 100 does not fit', work: 'validate', invalidEvery: 100 },
    { name: 'none fits', work: 'validate', invalidEvery: 1 },
  ],
  compared: 'cpuEach',
  targets: [{ side: FITTING, figure: 'cpuEach', atMost: 6.66, note: '150,000 a second of one core' }],
  open: () =>
    Promise.resolve(async ({ work, invalidEvery }, measuring) => {
      const records = measuring.size(1_000_000, 500_000)
      const plan: ValidationPlan = { records, work, invalidEvery }
      const { seconds, cpuMicros, rss } = await runOnce<ValidationTimes>(
        'validation.ts',
        plan,
        measuring.signal,
      )
      return { rate: records / seconds, cpuEach: cpuMicros / records, rss: rss / MB }
    }),
})
