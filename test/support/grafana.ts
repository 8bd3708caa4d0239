/** The dashboards as Grafana reads them, and what it makes of their queries before it sends them. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { MONITORING } from './prometheus'

export interface Target {
  readonly refId: string
  readonly expr?: string
  readonly rawSql?: string
  readonly datasource: { readonly type: string }
}

export interface Panel {
  readonly id: number
  readonly title: string
  readonly type: string
  readonly targets: readonly Target[]
  readonly gridPos: { readonly x: number; readonly w: number }
  readonly fieldConfig: {
    readonly defaults: { readonly unit?: string }
    readonly overrides: readonly object[]
  }
}

export interface Variable {
  readonly name: string
  readonly type: string
  readonly query: string
  readonly datasource?: { readonly type: string }
}

export interface Dashboard {
  readonly title: string
  readonly uid: string
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly Variable[] }
}

const FOLDER = path.join(MONITORING, 'dashboards')

export const dashboards: readonly Dashboard[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.json'))
  .map((file) => JSON.parse(readFileSync(path.join(FOLDER, file), 'utf8')) as Dashboard)

export interface Chosen {
  readonly [variable: string]: string | readonly string[]
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`

/**
 * Puts the values in place of the variables: `$name`, and `${name:sqlstring}` as quoted texts.
 * @throws Error for a variable that has no value
 */
export function withVariables(query: string, chosen: Chosen): string {
  return query.replace(/\$\{(\w+):sqlstring\}|\$(\w+)/g, (variable, quotedName?: string, name?: string) => {
    const value = chosen[quotedName ?? name ?? '']
    if (value === undefined) {
      if (name?.startsWith('__time') === true) return variable
      throw new Error(`no value for ${variable} in ${query}`)
    }
    const values = typeof value === 'string' ? [value] : value
    return quotedName === undefined ? values.join('|') : values.map(quoted).join(',')
  })
}

/** What its PostgreSQL plugin makes of the macros, without TimescaleDB. */
export function withMacros(sql: string, from: Date, to: Date): string {
  return sql
    .replace(/\$__timeFilter\(([^)]+)\)/g, (_macro, column: string) => {
      return `${column} BETWEEN '${from.toISOString()}' AND '${to.toISOString()}'`
    })
    .replace(/\$__timeGroupAlias\(([^,]+), *(\d+)s\)/g, (_macro, column: string, seconds: string) => {
      return `floor(extract(epoch from ${column})/${seconds})*${seconds} AS "time"`
    })
}
