/** Panels of one look: the title is the question that a panel answers, and a colour other than green asks for a look. */
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  VizLegendOptionsBuilder,
  VizOrientation,
} from '@grafana/grafana-foundation-sdk/common'
import { PanelBuilder as BarGauge } from '@grafana/grafana-foundation-sdk/bargauge'
import { ThresholdsConfigBuilder, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table'
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries'
import type { Query } from './sources'

/** Of 24 columns. */
const WIDTH = { sixth: 4, third: 8, half: 12, whole: 24 } as const
export type Width = keyof typeof WIDTH
const HEIGHT = { stat: 4, chart: 8 }

/** Green below the first; each colour from its value on. */
export type Limits = readonly (readonly [color: 'yellow' | 'red' | 'green', from: number])[]

const thresholds = (limits: Limits, base = 'green'): ThresholdsConfigBuilder =>
  new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps([{ color: base, value: null }, ...limits.map(([color, value]) => ({ color, value }))])

export interface Question {
  /** Of the value: Grafana's name of it. */
  readonly unit: string
  readonly description?: string
  readonly limits?: Limits
  /** The color below the first limit. */
  readonly base?: 'green' | 'red'
  readonly width?: Width
}

/** One number. */
export function number(title: string, query: Query, question: Question): Stat {
  const { unit, description = '', limits = [], base, width = 'sixth' } = question
  return new Stat()
    .title(title)
    .description(description)
    .unit(unit)
    .noValue('0')
    .thresholds(thresholds(limits, base))
    .colorMode(BigValueColorMode.Background)
    .graphMode(BigValueGraphMode.None)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .height(HEIGHT.stat)
    .span(WIDTH[width])
    .withTarget(query)
}

/** Lines over time; with limits, a dashed line at each. */
export function chart(title: string, queries: readonly Query[], question: Question): TimeSeries {
  const { unit, description = '', limits, base, width = 'half' } = question
  const panel = new TimeSeries()
    .title(title)
    .description(description)
    .unit(unit)
    .min(0)
    .fillOpacity(10)
    .height(HEIGHT.chart)
    .span(WIDTH[width])
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom),
    )
    .targets([...queries])
  if (limits === undefined) return panel
  return panel
    .thresholds(thresholds(limits, base))
    .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed))
}

/** Areas that add up. */
export const stacked = (...of: Parameters<typeof chart>): TimeSeries =>
  chart(...of).stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'))

/** The largest, as bars. */
export function ranking(title: string, query: Query, question: Question): BarGauge {
  const { unit, description = '', limits = [], width = 'half' } = question
  return new BarGauge()
    .title(title)
    .description(description)
    .unit(unit)
    .min(0)
    .thresholds(thresholds(limits))
    .orientation(VizOrientation.Horizontal)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .height(HEIGHT.chart)
    .span(WIDTH[width])
    .withTarget(query)
}

/** @param units by column */
export function table(
  title: string,
  query: Query,
  { units, description = '', width = 'half' }: TableQuestion,
): Table {
  const panel = new Table()
    .title(title)
    .description(description)
    .height(HEIGHT.chart)
    .span(WIDTH[width])
    .withTarget(query)
  for (const [column, unit] of Object.entries(units)) {
    panel.overrideByName(column, [{ id: 'unit', value: unit }])
  }
  return panel
}

export interface TableQuestion extends Omit<Question, 'unit' | 'limits' | 'base'> {
  readonly units: Readonly<Record<string, string>>
}
