/** Parts that several dialogs have. */

/** Rows of the form that are shown while something is the case, by their selector. */
type Shown = Readonly<Record<string, boolean>>

/** @param fields the selector of the fields on which it depends */
export function showRows(fields: string, rows: () => Shown): void {
  const show = (): void => {
    for (const [selector, isShown] of Object.entries(rows())) $(selector).toggle(isShown)
  }
  $(fields).on('change', show)
  show()
}

export const valueOf = (field: string): string => String($(field).val() ?? '')

export type Cell = string | JQuery

export function tableOf(heads: readonly string[], rows: readonly (readonly Cell[])[]): JQuery {
  const rowOf = (tag: string, cells: readonly Cell[]): JQuery =>
    $('<tr>').append(
      cells.map((cell) => {
        const place = $(tag).css('padding', '2px 10px 2px 0')
        return typeof cell === 'string' ? place.text(cell) : place.append(cell)
      }),
    )
  return $('<table>').append(
    rowOf('<th align="left">', heads),
    rows.map((cells) => rowOf('<td>', cells)),
  )
}
