/** Notices columns that a mapping has and no record fills: a misspelt path is no error, because a part may be missing. */

/** So many rows are no accident. */
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
