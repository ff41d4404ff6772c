/**
 * Every profile there is, weakest first: included ones, then active ones, each followed by the members of its group.
 *
 * @param bootstrap the profiles of bootstrap files, if there are any. Spring activates those for them first, and names
 * the profiles again afterwards: members of a group that are known there stand before the profile, not behind it.
 */
export function activeProfiles({ include, active, group = {} }: Profiles, bootstrap?: Profiles): string[] {
  const named = new Set([...include, ...active])
  const known = bootstrap ? activeProfiles(bootstrap).filter((name) => !named.has(name)) : []
  const names = new Set<string>()
  // The next one last: groups may follow each other in a chain of any length.
  const waiting = [...known, ...named].reverse()
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (names.has(name)) continue
    names.add(name)
    if (Object.hasOwn(group, name)) waiting.push(...[...group[name]!].reverse())
  }
  return [...names]
}

export interface Profiles {
  readonly include: readonly string[]
  readonly active: readonly string[]
  /** Profiles that come with one: `spring.profiles.group`. */
  readonly group?: Readonly<Record<string, readonly string[]>>
}

/**
 * Spring's profile expressions: `dev`, `!prod`, `a & b`, `(a | b) & !c`, and lists, of which one member suffices.
 * Throws a plain `Error` with what is wrong.
 */
export function profilesMatch(expressions: readonly string[], active: readonly string[]): boolean {
  return expressions.some((expression) => evaluate(expression, new Set(active)))
}

function evaluate(expression: string, active: ReadonlySet<string>): boolean {
  const tokens = expression.match(/[()&|!]|[^()&|!\s]+/g) ?? []
  let at = 0
  const malformed = () => new Error(`malformed profile expression "${expression}"`)

  const operand = (): boolean => {
    const token = tokens[at++]
    if (token === '!') return !operand()
    if (token === '(') {
      const value = operation()
      if (tokens[at++] !== ')') throw malformed()
      return value
    }
    if (token === undefined || '&|)'.includes(token)) throw malformed()
    return active.has(token)
  }
  const operation = (): boolean => {
    let value = operand()
    const operator = tokens[at]
    while (tokens[at] === '&' || tokens[at] === '|') {
      // Spring wants brackets where both kinds meet, and so does a reader.
      if (tokens[at++] !== operator) throw malformed()
      const next = operand()
      value = operator === '&' ? value && next : value || next
    }
    return value
  }

  if (tokens.length > 100) throw malformed()
  const result = operation()
  if (at !== tokens.length) throw malformed()
  return result
}
