/** What is shown of a span. */
export interface Span {
  readonly traceId: string
  readonly id: string
  readonly parent: string | undefined
  readonly name: string
  readonly service: string
  readonly ms: number
  readonly status: number | undefined
}

/** The spans of one trace as lines, each below its parent. */
export function treeOf(spans: readonly Span[], parent?: string, indent = ''): string[] {
  const children = spans.filter((span) => span.parent === parent)
  return children.flatMap((span, index) => {
    const last = index === children.length - 1
    const branch = parent === undefined ? '' : last ? '└─ ' : '├─ '
    const below = parent === undefined ? '' : last ? '   ' : '│  '
    const status = span.status === undefined ? '' : ` → ${span.status}`
    const label = `${indent}${branch}${span.name}${status}`
    return [
      `${label.padEnd(48)} ${span.service.padEnd(8)} ${span.ms.toFixed(1).padStart(6)} ms`,
      ...treeOf(spans, span.id, indent + below),
    ]
  })
}
