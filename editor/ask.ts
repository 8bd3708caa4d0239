/** Questions: of a dialog to the running node, and of a dialog to the user. */
import type { EditorNode } from './node'

/** Asks the server. @param path `<type>/<id>/<action>`, see `src/runtime/admin-route.ts` */
export function post(path: string, question: object = {}): JQuery.jqXHR {
  return $.ajax({
    url: path,
    type: 'POST',
    contentType: 'application/json',
    data: JSON.stringify(question),
  })
}

/**
 * @param place where a refusal is shown
 * @param noAnswer the key of the words when nothing has answered
 * @returns asks the node, as it is deployed; `then` is called with its answer, which replaces what is at the place
 */
export function asker(
  type: string,
  node: EditorNode,
  place: JQuery,
  noAnswer: string,
): <Answer>(action: string, question: object, then: (answer: Answer) => void) => void {
  const show = (words: string): void => {
    place.empty().append($('<div class="form-tips">').text(words))
  }
  return (action, question, then) => {
    void post(`${type}/${node.id}/${action}`, question)
      .done((answer: unknown) => {
        place.empty()
        then(answer as Parameters<typeof then>[0])
      })
      .fail((refusal) => {
        const { message } = (refusal.responseJSON ?? {}) as { message?: string }
        show(message || node._(noAnswer))
      })
  }
}

/** Asks the user before something that cannot be taken back. */
export function confirm(
  words: string,
  answers: { readonly no: string; readonly yes: string },
  then: () => void,
): void {
  const question = RED.notify($('<p>').text(words).prop('outerHTML') as string, {
    modal: true,
    fixed: true,
    type: 'warning',
    buttons: [
      { text: answers.no, click: () => question.close() },
      {
        text: answers.yes,
        class: 'primary',
        click: () => {
          question.close()
          then()
        },
      },
    ],
  })
}
