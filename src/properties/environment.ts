import { isOwnSection, relaxed, type PropertyPath } from './path.js'

/**
 * Environment variables under the names Spring binds: `spring.cloud.nacos.discovery.server-addr` is
 * `SPRING_CLOUD_NACOS_DISCOVERY_SERVER_ADDR` or `…_SERVERADDR`, with or without `SPRING_` as the property itself;
 * `a[0].b` is `A_0_B`.
 */
export class Environment {
  private readonly exact = new Map<string, string>()
  private readonly upper = new Map<string, string>()
  /** Names without separators: most properties have no variable, and this says so at once. */
  private readonly squashed = new Set<string>()

  /** A copy is taken: a process's environment is fixed at its start. */
  constructor(variables: Readonly<Record<string, string | undefined>>) {
    for (const [name, value] of Object.entries(variables)) {
      if (value === undefined) continue
      this.exact.set(name, value)
      this.upper.set(name.toUpperCase(), name)
      this.squashed.add(squash(name))
    }
  }

  /** The variable that sets this property. */
  lookup(path: PropertyPath): { name: string; text: string } | undefined {
    const squashed = squash(path.join(''))
    // A shell's own `_` says nothing of a key that is empty or all dashes.
    if (squashed === '') return undefined
    const own = isOwnSection(path)
    if (!this.squashed.has(squashed) && !(own && this.squashed.has(`SPRING${squashed}`))) return undefined
    const dotted = path.join('.')
    for (const literal of own && path.length > 1 ? [dotted, `spring.${dotted}`] : [dotted]) {
      const text = this.exact.get(literal)
      if (text !== undefined) return { name: literal, text }
    }
    for (const candidate of variableNames(path)) {
      const name = this.upper.get(candidate) ?? this.upper.get(`${candidate}_`)
      if (name !== undefined) return { name, text: this.exact.get(name)! }
    }
    return undefined
  }

  /** Variables below a property, with what follows its name: for maps whose keys are not known beforehand. */
  below(path: PropertyPath): { name: string; rest: string; text: string }[] {
    const found = new Map<string, { name: string; rest: string; text: string }>()
    for (const candidate of [...variableNames(path)].reverse()) {
      for (const [upper, name] of this.upper) {
        const rest = upper.slice(candidate.length + 1)
        if (upper.startsWith(`${candidate}_`) && rest) found.set(rest, { name, rest, text: this.exact.get(name)! })
      }
    }
    return [...found.values()]
  }
}

function squash(name: string): string {
  return name.replace(/[-_.]/g, '').toUpperCase()
}

function variableNames(path: PropertyPath): Set<string> {
  // `server-addr`, `serverAddr` and `server_addr` → SERVER_ADDR; then without the dash, SERVERADDR.
  const spelled = path
    .map((part) =>
      String(part)
        .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
        .replace(/[-.]/g, '_')
        .toUpperCase(),
    )
    .join('_')
  const joined = path.map((part) => relaxed(String(part).replace(/\./g, '_')).toUpperCase()).join('_')
  return new Set(isOwnSection(path) ? [`SPRING_${spelled}`, `SPRING_${joined}`, spelled, joined] : [spelled, joined])
}
