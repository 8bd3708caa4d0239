/** What a PromQL expression reads, whether or not its conditions hold. */
import { createRequire } from 'node:module'
import type { LRParser } from '@lezer/lr'

/** Prometheus's own grammar: for `require` it has code, but no types. */
const { parser } = createRequire(__filename)('@prometheus-io/lezer-promql') as { readonly parser: LRParser }

type Node = ReturnType<LRParser['parse']>['topNode']

const COMPARISONS = ['Eql', 'Neq', 'Gtr', 'Lss', 'Gte', 'Lte']

/**
 * The expression without its thresholds, so that it has a value also while it has nothing to report: `a > 1 and on (x) b == 0`
 * becomes `(a) and on (x) (b)`, which still finds nothing when the labels of the two do not match. Of `or` and `unless` each
 * side is one for itself; `absent(a)` becomes `a`. What was a while ago (`offset`) is read as of now.
 * @throws Error where it is no PromQL
 */
export function withoutThresholds(expression: string): string[] {
  const root = parser.parse(expression).topNode
  root.cursor().iterate((node) => {
    if (node.type.isError) throw new Error(`no PromQL at ${node.from}: ${expression}`)
  })
  return conditions(root)

  function conditions(node: Node): string[] {
    const [left, right] = [node.firstChild, node.lastChild]
    if (left === null || right === null) return [withoutOffsets(node)]
    // The grammar takes `a > b offset 5m` as if the offset were that of the comparison.
    if (['PromQL', 'ParenExpr', 'OffsetExpr'].includes(node.name)) return conditions(left)
    if (node.name === 'FunctionCall' && text(left) === 'absent') return conditions(right.firstChild ?? right)
    const has = (name: string): boolean => node.name === 'BinaryExpr' && node.getChild(name) !== null
    if (has('Or') || has('Unless')) return [...conditions(left), ...conditions(right)]
    const isComparison = COMPARISONS.some(has)
    if (isComparison && right.name === 'NumberDurationLiteral') return conditions(left)
    if (!isComparison && !has('And')) return [withoutOffsets(node)]
    const modifier = node.getChild('MatchingModifierClause')
    const and = modifier === null ? 'and' : `and ${text(modifier)}`
    return conditions(left).flatMap((one) => conditions(right).map((other) => `(${one}) ${and} (${other})`))
  }

  function text({ from, to }: Node): string {
    return expression.slice(from, to)
  }

  function withoutOffsets(node: Node): string {
    const offsets: (readonly [number, number])[] = []
    node.cursor().iterate((inner) => {
      const selector = inner.name === 'OffsetExpr' ? inner.node.firstChild : null
      if (selector !== null) offsets.push([selector.to, inner.to])
    })
    let [left, at] = ['', node.from]
    for (const [from, to] of offsets) {
      left += expression.slice(at, from)
      at = to
    }
    return left + expression.slice(at, node.to)
  }
}
