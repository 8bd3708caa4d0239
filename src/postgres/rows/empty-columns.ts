/** Notices columns that no record fills: a misspelled path is no error, because a record may lack the property. */

/** Rows after which a column without a value is no coincidence. */
const ENOUGH_ROWS = 1000

export class EmptyColumns {
  private rows = 0
  private empty: readonly string[] | undefined
  private said = false

  /**
   * Rows were stored.
   * @param empty columns of which none of them has a value
   * @returns once, after enough rows: the columns of which no row at all has had one
   */
  note(rows: number, empty: readonly string[]): readonly string[] {
    if (this.said) return []
    this.rows += rows
    this.empty = this.empty?.filter((name) => empty.includes(name)) ?? empty
    if (this.rows < ENOUGH_ROWS) return []
    this.said = true
    return this.empty
  }
}
