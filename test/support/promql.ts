/** What a PromQL expression reads, whether or not its conditions hold. */
import { createRequire } from 'node:module'
import type { LRParser } from '@lezer/lr'

/** Prometheus's own grammar: for `require` it has code, but no types. */
const { parser } = createRequire(__filename)('@prometheus-io/lezer-promql') as { readonly parser: LRParser }

type Node = ReturnType<LRParser['parse']>['topNode']

const OF_SETS = ['And', 'Or', 'Unless']
const COMPARISONS = ['Eql', 'Neq', 'Gtr', 'Lss', 'Gte', 'Lte']

/**
 * The parts of a condition that have a value at all times: both sides of `and`, `or`, `unless` and of comparisons, except for
 * numbers, and what `absent` looks for. Values of a while ago (`offset`) are read as those of now.
 * @throws Error where it is no PromQL
 */
export function operandsOf(expression: string): string[] {
  const root = parser.parse(expression).topNode
  const text = ({ from, to }: Node): string => expression.slice(from, to)
  root.cursor().iterate((node) => {
    if (node.type.isError) throw new Error(`no PromQL at ${node.from}: ${expression}`)
  })

  function operands(node: Node): string[] {
    const [left, right] = [node.firstChild, node.lastChild]
    if (left === null || right === null) return [withoutOffsets(node)]
    if (node.name === 'PromQL') return operands(left)
    // The grammar takes `a > b offset 5m` as if the offset were that of the comparison.
    if (node.name === 'ParenExpr' || node.name === 'OffsetExpr') return operands(left)
    if (node.name === 'FunctionCall' && text(left) === 'absent') return operands(right.firstChild ?? right)
    const isCondition = [...OF_SETS, ...COMPARISONS].some((name) => node.getChild(name) !== null)
    if (node.name !== 'BinaryExpr' || !isCondition) return [withoutOffsets(node)]
    return [left, right].filter(({ name }) => name !== 'NumberDurationLiteral').flatMap(operands)
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

  return operands(root)
}
