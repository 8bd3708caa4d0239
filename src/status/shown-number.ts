/** With commas between thousands, as statuses and log lines show numbers: `12,345`. */
export function shownNumber(value: number): string {
  return value.toLocaleString('en')
}
