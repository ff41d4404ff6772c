import type { HealthComponents, HealthStatus } from './adapters/health.js'
import type { AppOwner } from './app-owners.js'
import type { RemoteConfig } from './config/remote.js'
import type { Hooks, HookStatus } from './lifecycle/hooks.js'
import type { Lifecycle } from './lifecycle/lifecycle.js'
import type { Resources } from './lifecycle/resources.js'
import type { Member } from './registration/member.js'

/** The parts of a sidecar that its health pages show. */
export interface HealthParts {
  readonly lifecycle: Lifecycle
  readonly remote: RemoteConfig
  readonly member: Member
  readonly owner: AppOwner
  readonly resources: Resources
}

/** @returns `undefined` if another sidecar goes on serving the app: then its page answers */
export function healthOf({ lifecycle, remote, member, owner, resources }: HealthParts): HealthStatus | undefined {
  const { state } = member
  const leaving = lifecycle.leaving()
  if (leaving && (lifecycle.shared() || owner.hasOther('serves'))) return undefined
  return {
    // The app serves, even if its server was not found: the request came by one.
    phase: leaving ? 'leaving' : remote.loaded && lifecycle.hooks.starts.done ? 'serving' : 'starting',
    registered: state?.listed ?? false,
    lastBeat: state?.lastBeatAt === undefined ? undefined : new Date(state.lastBeatAt),
    components: (which) => componentsOf(lifecycle.hooks, resources, which),
  }
}

/** The resources of the app, and its hooks where it has any. */
async function componentsOf(
  { starts, stops }: Hooks,
  resources: Resources,
  which?: 'readiness',
): Promise<HealthComponents> {
  const checked = await resources.check(which)
  const own = checked.map(
    ({ name, status, reason }) => [name, { status, ...(reason && { details: { reason } }) }] as const,
  )
  if (which) return Object.fromEntries(own)
  const hooks = [...starts.status(), ...stops.status()]
  const named = (state: HookStatus['state']) => hooks.filter((hook) => hook.state === state).map(({ name }) => name)
  const [failed, running] = [named('failed'), named('running')]
  const status = failed.length > 0 ? 'DOWN' : 'UP'
  const all = hooks.length > 0 ? [['hooks', { status, details: { failed, running } }] as const, ...own] : own
  return Object.fromEntries(all)
}
