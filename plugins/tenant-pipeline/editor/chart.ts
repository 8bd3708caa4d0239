/** The last ten minutes: a line for each stage of the pipeline, in the colours of the totals above it. */
import uPlot from 'uplot'
import { STAGES, type Stage } from '../../../src/watch/overview'
import { shownNumber } from '../../../src/status/shown-number'
import type { ChartData } from './rates'

const HEIGHT = 90
const SPAN_SECONDS = 600

export class Chart {
  private plot: uPlot | undefined
  private range: readonly [number, number] = [0, 1]

  constructor(private readonly place: HTMLElement) {}

  /** @param nowMs the time at the right edge */
  show(data: ChartData, nowMs: number): void {
    const width = this.place.clientWidth
    if (width === 0) return
    this.range = [nowMs / 1000 - SPAN_SECONDS, nowMs / 1000]
    this.plot ??= new uPlot(this.options(width), data, this.place)
    if (this.plot.width !== width) this.plot.setSize({ width, height: HEIGHT })
    this.plot.setData(data)
  }

  /** Colours are read while it is drawn: the theme may change. */
  private options(width: number): uPlot.Options {
    const axis = {
      stroke: () => this.colour('--red-ui-form-text-color'),
      font: '10px sans-serif',
      grid: { stroke: () => this.colour('--red-ui-secondary-border-color'), width: 1 },
      ticks: { show: false },
    }
    return {
      width,
      height: HEIGHT,
      padding: [6, 6, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { range: () => [...this.range] as [number, number] },
        y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] },
      },
      axes: [
        { ...axis, size: 18, gap: 2, space: 50, values: (_plot, times) => times.map(clock) },
        { ...axis, size: 34, gap: 3, space: 24, values: (_plot, rates) => rates.map(short) },
      ],
      series: [
        {},
        ...(Object.keys(STAGES) as Stage[]).map((stage) => ({
          stroke: () => this.colour(`--tenant-pipeline-${stage}`),
          width: 1.5,
          points: { show: false },
        })),
      ],
    }
  }

  private colour(variable: string): string {
    return getComputedStyle(this.place).getPropertyValue(variable)
  }
}

const clock = (seconds: number): string =>
  new Date(seconds * 1000).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })

const short = (rate: number): string =>
  rate >= 1_000_000 ? `${rate / 1_000_000}M` : rate >= 10_000 ? `${rate / 1000}k` : shownNumber(rate)
