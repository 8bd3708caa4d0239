/** The part of the dialog that lists the dead letters of its table, by its filter, and replays those of a reason. */
import { asker, confirm } from '../../../editor/ask'
import { valueOf } from '../../../editor/form'
import { isVariable, type EditorNode } from '../../../editor/node'

const type = 'tenant-dead-letter-source'
const FIELDS = ['schema', 'table', 'tenant', 'reason', 'from', 'to']
const POLL_MS = 500

/** Times in ISO 8601. */
interface LetterGroup {
  readonly reason: string
  readonly tenant?: string
  readonly count: number
  readonly waiting: number
  readonly first: string
  readonly last: string
  readonly sample: { readonly message: string; readonly topic: string; readonly payload: string }
}

interface LetterGroups {
  readonly groups: readonly LetterGroup[]
  readonly more: boolean
}

interface ProgressAnswer {
  readonly running: boolean
  readonly report?: Readonly<
    Record<'found' | 'delivered' | 'filtered' | 'failed' | 'spent' | 'incomplete', number>
  >
}

/** What a replay is narrowed to. */
type Asked = Readonly<Record<string, string | undefined>>

export function editLetters(node: EditorNode): void {
  const words = (key: string, values?: object): string => node._(key, values)
  const list = $('<div id="tenant-dead-letter-source-groups">').css({ marginTop: 8 })
  const news = $('<div id="tenant-dead-letter-source-progress">').css({ marginTop: 8 })
  const button = (text: string): JQuery =>
    $('<button type="button" class="red-ui-button red-ui-button-small">').text(text)
  $('#tenant-dead-letter-source-letters')
    .addClass('form-row')
    .empty()
    .append(
      button(words('tenant-dead-letter-source.letters.show'))
        .removeClass('red-ui-button-small')
        .on('click', () => show()),
      news,
      list,
    )
  const askNode = asker(type, node, news, 'tenant-dead-letter-source.letters.noAnswer')

  const valuesOfDialog = (): Record<string, string> =>
    Object.fromEntries(FIELDS.map((name) => [name, valueOf(`#node-input-${name}`)]))

  const show = (): void => {
    const database = { ...node, id: valueOf('#node-input-database') }
    list.empty()
    if (database.id === '' || database.id === '_ADD_')
      return void list.text(words('tenant-dead-letter-source.letters.noDatabase'))
    const values = valuesOfDialog()
    if (Object.values(values).some(isVariable))
      return void list.text(words('tenant-dead-letter-source.letters.variable'))
    asker(
      'tenant-postgres',
      database,
      list,
      'tenant-dead-letter-source.letters.noAnswer',
    )('dead-letters', values, showGroups)
  }

  const showGroups = ({ groups, more }: LetterGroups): void => {
    const waiting = sumOf(groups)
    if (groups.length === 0) return void list.text(words('tenant-dead-letter-source.letters.none'))
    const head = $('<div>').css({ display: 'flex', alignItems: 'center', gap: 8, marginBottom: 8 })
    head.append(
      $('<b style="flex: 1">').text(
        words('tenant-dead-letter-source.letters.total', {
          waiting,
          groups: `${groups.length}${more ? '+' : ''}`,
        }),
      ),
    )
    // How many there are in the groups that are not shown is not known.
    if (waiting > 0 && groups.length > 1)
      head.append(
        replayButton(
          words('tenant-dead-letter-source.letters.replayAll'),
          more ? `${waiting}+` : waiting,
          {},
        ),
      )
    list.append(
      head,
      groups.map((group) => partOf(group, groups)),
    )
  }

  const partOf = (group: LetterGroup, all: readonly LetterGroup[]): JQuery => {
    const { reason, tenant, count, waiting, first, last, sample } = group
    const head = $('<div>').css({ display: 'flex', alignItems: 'start', gap: 8 })
    const title = tenant === undefined ? reason : `${reason} · ${tenant}`
    head.append($('<b>').css({ flex: 1, overflowWrap: 'anywhere' }).text(title))
    if (waiting > 0) {
      // A filter cannot ask for letters without a tenant alone.
      const meant = tenant === undefined ? sumOf(all.filter((other) => other.reason === reason)) : waiting
      head.append(replayButton(words('tenant-dead-letter-source.letters.replay'), meant, { reason, tenant }))
    }
    const faint = { color: 'var(--red-ui-secondary-text-color)', overflowWrap: 'anywhere' }
    const numbers = words('tenant-dead-letter-source.letters.counts', {
      waiting,
      replayed: count - waiting,
      first: minute(first),
      last: minute(last),
    })
    return $('<div class="tenant-dead-letter-source-group">')
      .css({ borderTop: '1px solid var(--red-ui-secondary-border-color)', padding: '6px 0' })
      .append(
        head,
        $('<div>').css(faint).text(numbers),
        $('<div>').css({ overflowWrap: 'anywhere' }).text(sample.message),
        $('<div>')
          .css({ ...faint, fontFamily: 'monospace' })
          .text(`${sample.topic} ${sample.payload}`.trim()),
      )
  }

  const replayButton = (text: string, count: number | string, which: Asked): JQuery =>
    button(text)
      .css({ flex: 'none' })
      .on('click', () => {
        const answers = {
          no: words('tenant-dead-letter-source.letters.keep'),
          yes: words('tenant-dead-letter-source.letters.replay'),
        }
        confirm(words('tenant-dead-letter-source.letters.confirm', { count }), answers, () => {
          const database = valueOf('#node-input-database')
          askNode('replay', { database, ...valuesOfDialog(), ...which }, () => follow())
        })
      })

  /** Until the replay is over, or the dialog is closed. */
  const follow = (): void =>
    askNode('replay/progress', {}, ({ running, report }: ProgressAnswer) => {
      if (!news.is(':visible')) return
      if (report !== undefined)
        news.text(
          words('tenant-dead-letter-source.letters.progress', {
            ...report,
            ended: report.delivered + report.filtered,
          }),
        )
      if (running) window.setTimeout(follow, POLL_MS)
      else show()
    })
}

const sumOf = (groups: readonly LetterGroup[]): number =>
  groups.reduce((sum, { waiting }) => sum + waiting, 0)

/** In UTC, as all times of the dialog. */
const minute = (instant: string): string => instant.slice(0, 16).replace('T', ' ')
