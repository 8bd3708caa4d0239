/**
 * The button *Test connection* of a configuration node: sends what the dialog shows now, and lists what the server found.
 * A saved password stays on the server: the dialog has only its placeholder, and sends that.
 */
import { COMMON_CHECKS } from '../src/runtime/common-checks'
import { post } from './ask'
import type { EditorNode } from './node'

interface Check {
  readonly verdict: keyof typeof LOOKS
  readonly code: string
  readonly values: Readonly<Record<string, string | number>>
}

interface Answer {
  readonly checks?: readonly Check[]
  readonly message?: string
}

const LOOKS = {
  ok: { icon: 'fa-check-circle', colour: 'var(--red-ui-text-color-success, #4e8e41)' },
  warning: { icon: 'fa-exclamation-triangle', colour: 'var(--red-ui-text-color-warning, #b26b00)' },
  failed: { icon: 'fa-times-circle', colour: 'var(--red-ui-text-color-error, #d00)' },
  unknown: { icon: 'fa-question-circle', colour: 'var(--red-ui-secondary-text-color, #888)' },
} as const

/** What a dialog of the type shows or saves: `SAVED_PASSWORD` stands for a password that the server has. */
export interface TestedConfig {
  readonly values: object
  readonly credentials: object
}

/** Fills the element `<type>-test` of the dialog. */
export function offerTest(type: string, node: EditorNode): void {
  const place = $(`#${type}-test`).addClass('form-row')
  const button = $('<button type="button" class="red-ui-button">').text(node._('shared.test.button'))
  const list = listOfChecks()
  place.empty().append(button, list)

  button.on('click', () => {
    button.prop('disabled', true)
    void testConnection(node, shownConfig(node, place), list).always(() => button.prop('disabled', false))
  })
}

/** Of configuration nodes: announced as it fills. */
export const listOfChecks = (): JQuery =>
  $('<ul role="status" aria-live="polite">').css({ listStyle: 'none', margin: '8px 0 0' })

/** Asks the server to try what a configuration node connects to, and lists what it found. */
export function testConnection(node: EditorNode, config: TestedConfig, list: JQuery): JQuery.jqXHR {
  const { type } = node
  const say = (words: string): void => {
    list.empty().append($('<li>').text(words))
  }
  say(node._('shared.test.running'))
  return post(`${type}/${node.id}/test`, config)
    .done(({ checks }: Answer) => {
      list.empty().append((checks ?? []).map((check) => lineOf(type, node, check)))
    })
    .fail((refusal) => {
      const { message } = (refusal.responseJSON ?? {}) as Answer
      say(message || node._('shared.test.noResponse'))
    })
}

function lineOf(type: string, node: EditorNode, { verdict, code, values }: Check): JQuery {
  const { icon, colour } = LOOKS[verdict]
  const word = node._(`shared.verdict.${verdict}`)
  const mark = $('<i class="fa fa-fw">')
    .addClass(icon)
    .css({ color: colour, flex: 'none', lineHeight: 'inherit' })
    .attr({ role: 'img', title: word, 'aria-label': word })
  const shown = Object.entries(values).map(([name, value]): [string, string] => [name, shownValue(value)])
  // The values come from servers: as text, never as HTML.
  const whose = Object.hasOwn(COMMON_CHECKS, code) ? 'shared' : type
  const words = node._(`${whose}.test.${code}`, Object.fromEntries(shown))
  const text = $('<span>').css({ minWidth: 0, overflowWrap: 'anywhere' }).text(words)
  return $('<li>')
    .attr('data-check', code)
    .css({ display: 'flex', gap: 6, margin: '4px 0' })
    .append(mark, text)
}

const shownValue = (value: string | number): string =>
  typeof value === 'number' ? value.toLocaleString() : value

/** The values of the form, which the editor has not taken yet. */
function shownConfig(node: EditorNode, place: JQuery): TestedConfig {
  const form = place.closest('form')
  const valueOf = (name: string): unknown => {
    const field = form.find(`#node-config-input-${name}`)
    if (field.is(':checkbox')) return field.is(':checked')
    const value: unknown = field.val() ?? node[name]
    // Of a choice among configuration nodes: none.
    return value === '_ADD_' ? '' : value
  }
  return configOf(node, valueOf, valueOf)
}

/** What a configuration node has, property by property. */
export function configOf(
  { _def }: EditorNode,
  valueOf: (name: string) => unknown,
  credentialOf: (name: string) => unknown,
): TestedConfig {
  const each = (names: object = {}, of: (name: string) => unknown): object =>
    Object.fromEntries(Object.keys(names).map((name) => [name, of(name)]))
  return { values: each(_def.defaults, valueOf), credentials: each(_def.credentials, credentialOf) }
}
