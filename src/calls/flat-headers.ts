/** Names and values by turns, names in lower case: the form that undici accepts without converting. */
export type FlatHeaders = readonly string[]

/** `base` with every header that `over` names replaced. */
export function overrideHeaders(base: FlatHeaders, over: FlatHeaders): string[] {
  const merged: string[] = []
  for (let i = 0; i < base.length; i += 2) {
    if (!hasHeader(over, base[i]!)) merged.push(base[i]!, base[i + 1]!)
  }
  merged.push(...over)
  return merged
}

export function hasHeader(headers: FlatHeaders, name: string): boolean {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return true
  return false
}

export function headerValue(headers: FlatHeaders, name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === name) return headers[i + 1]
  return undefined
}
