/**
 * What the values of `$SYS/broker/publish/messages/dropped` mean. Mosquitto counts there what it has dropped because
 * a queue was full, for all of its clients together, since its own start. So an increase says that messages were lost,
 * not whose; and a smaller value than before says that the broker was started again.
 */
export interface Drops {
  readonly count: number
  /** These were dropped before anybody looked, at any time since the broker started. */
  readonly earlier: boolean
}

export class DropCounter {
  private last: number | undefined

  /** @returns what this value tells; `undefined` when it tells nothing new */
  next(value: number): Drops | undefined {
    const { last } = this
    this.last = value
    const count = last === undefined || value < last ? value : value - last
    return count === 0 ? undefined : { count, earlier: last === undefined }
  }
}
