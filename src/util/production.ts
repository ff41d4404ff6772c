export interface ProductionFacts {
  /** `sidecar.production` of the settings: stronger than the rest. */
  readonly said?: boolean | undefined
  /** The active profiles. */
  readonly profiles?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
}

const PROFILES: readonly string[] = ['prod', 'production']

/**
 * The one place that decides whether a service runs in production: as its settings say, else where `NODE_ENV` is `production`, as for
 * Express and most of npm, or a profile `prod` or `production` is active, as for Spring.
 */
export function isProduction({ said, profiles = [], env = process.env }: ProductionFacts = {}): boolean {
  return said ?? (env['NODE_ENV'] === 'production' || profiles.some((profile) => PROFILES.includes(profile)))
}
