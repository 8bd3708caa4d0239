/**
 * The exact sum of numbers, and of their squares. Floating-point addition depends on the order: two batches that arrive the
 * other way round would give another sum, and no query could check it. So each number counts as the decimal that JavaScript
 * and JSON write for it, and what is added are whole numbers: units of the smallest decimal place there has been.
 */

/** Powers of ten that a floating-point number holds exactly. */
const POWERS = Array.from({ length: 23 }, (_, power) => Number(`1e${power}`))

/** Up to here a sum of two is exact, and each decimal belongs to one number. */
const MAX_UNITS = 2 ** 50
/** The square of up to this many is not more. */
const MAX_ROOT = 2 ** 25

/** How many more decimal places are tried before the text of the number is read. */
const TRIED = 4

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/

export class DecimalSums {
  /** Decimal places of a unit; a unit of the squares has twice as many. */
  private places = 0
  /** Units that have not been added to the large sums yet. */
  private sum = 0
  private squares = 0
  private largeSum = 0n
  private largeSquares = 0n

  /** @param value finite */
  add(value: number): void {
    const units = unitsOf(value, this.places)
    if (units === undefined) this.addFiner(value)
    else this.addUnits(units)
  }

  merge(other: DecimalSums): void {
    if (other.places > this.places) this.refine(other.places)
    const scale = 10n ** BigInt(this.places - other.places)
    this.largeSum += (other.largeSum + BigInt(other.sum)) * scale
    this.largeSquares += (other.largeSquares + BigInt(other.squares)) * scale * scale
  }

  /** In decimal notation, of any length. */
  get sumText(): string {
    return inDecimal(this.largeSum + BigInt(this.sum), this.places)
  }

  get squaresText(): string {
    return inDecimal(this.largeSquares + BigInt(this.squares), 2 * this.places)
  }

  private addUnits(units: number): void {
    this.sum += units
    if (Math.abs(this.sum) > MAX_UNITS) {
      this.largeSum += BigInt(this.sum)
      this.sum = 0
    }
    if (Math.abs(units) > MAX_ROOT) {
      const large = BigInt(units)
      this.largeSquares += large * large
      return
    }
    this.squares += units * units
    if (this.squares > MAX_UNITS) {
      this.largeSquares += BigInt(this.squares)
      this.squares = 0
    }
  }

  private addFiner(value: number): void {
    for (let places = this.places + 1; places <= this.places + TRIED; places++) {
      const units = unitsOf(value, places)
      if (units === undefined) continue
      this.refine(places)
      this.addUnits(units)
      return
    }
    const { digits, places } = decimalOf(value)
    if (places > this.places) this.refine(places)
    const units = digits * 10n ** BigInt(this.places - places)
    this.largeSum += units
    this.largeSquares += units * units
  }

  private refine(places: number): void {
    const scale = 10n ** BigInt(places - this.places)
    this.largeSum = (this.largeSum + BigInt(this.sum)) * scale
    this.largeSquares = (this.largeSquares + BigInt(this.squares)) * scale * scale
    this.sum = 0
    this.squares = 0
    this.places = places
  }
}

/** @returns `undefined` when the number has more decimal places, or too many digits for this way */
function unitsOf(value: number, places: number): number | undefined {
  const power = POWERS[places]
  if (power === undefined) return undefined
  const units = Math.round(value * power)
  // The quotient of two exact numbers is the one nearest to the decimal, so it is this decimal that the number stands for.
  return Math.abs(units) <= MAX_UNITS && units / power === value ? units : undefined
}

function decimalOf(value: number): { readonly digits: bigint; readonly places: number } {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = DECIMAL.exec(String(value)) ?? []
  const digits = BigInt(`${sign}${whole}${fraction}`)
  const places = fraction.length - Number(exponent)
  return places >= 0 ? { digits, places } : { digits: digits * 10n ** BigInt(-places), places: 0 }
}

function inDecimal(units: bigint, places: number): string {
  if (places === 0) return String(units)
  const sign = units < 0n ? '-' : ''
  const digits = String(units < 0n ? -units : units).padStart(places + 1, '0')
  return `${sign}${digits.slice(0, -places)}.${digits.slice(-places)}`
}
