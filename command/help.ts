/** The help of a command, made of its table of options. docs/command-line.md has the same text; a test compares them. */
import type { Option } from '../src/config/options'
import type { Command, CommandOption } from './command'

const WIDTH = 100
export const PROGRAM = 'tenant-pipeline'

const ENDS = 'Exit status: 0 all is well; 1 a check or a service has failed; 2 wrong usage or configuration.'

/** @param commands their names and what each does @param beginning lists only those of a group, such as `topics` */
export function overview(
  commands: Readonly<Record<string, { readonly summary: string }>>,
  beginning = '',
): string {
  const listed = Object.entries(commands).filter(([name]) => name.startsWith(beginning))
  return [
    `Usage: ${PROGRAM} ${beginning === '' ? '<command>' : `${beginning} <command>`} [options]`,
    '',
    ...columns(listed.map(([name, { summary }]) => [name, summary])),
    '',
    `${PROGRAM} <command> --help has the options of a command.`,
    ENDS,
  ].join('\n')
}

export function helpOf(name: string, summary: string, { details, options }: Command): string {
  const listed = Object.entries(options).map(([option, described]) => [
    `--${option}${described.value === '' ? '' : ` ${described.value}`}`,
    sentenceOf(described),
  ])
  return [
    `${PROGRAM} ${name}: ${summary}`,
    '',
    ...details.flatMap((paragraph) => [...wrapped(paragraph, WIDTH), '']),
    'Options:',
    ...columns([...listed, ['-h, --help', 'shows this help']] as [string, string][]),
    '',
    ENDS,
  ].join('\n')
}

function sentenceOf({ reads, what }: CommandOption): string {
  if (reads === 'list') return `${what}; may be repeated`
  const byDefault = defaultOf(reads)
  return byDefault === undefined ? what : `${what} (default: ${byDefault})`
}

function defaultOf(option: Option): string | undefined {
  if (option.kind === 'flag' || option.default === '') return undefined
  return String(option.default)
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([first]) => first.length)) + 2
  return rows.flatMap(([first, second]) => {
    const [line = '', ...others] = wrapped(second, WIDTH - width - 2)
    return [`  ${first.padEnd(width)}${line}`, ...others.map((other) => ' '.repeat(width + 2) + other)]
  })
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
