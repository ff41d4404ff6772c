import { processSlot } from './process-state.js'

/** One sidecar among those that were given the same app. */
export interface AppOwner {
  /** Another one serves this app, or guards it. */
  hasOther(which: 'serves' | 'guards'): boolean
  /** It has stopped: what it put in front of the app stays, but passes requests on if another sidecar took over. */
  release(): void
}

export interface OwnedApp {
  readonly guards: boolean
}

/**
 * Which sidecars an app has: two at once, or one after the other where it is taken up again after a `stop()`. What
 * was put in front of an app cannot be taken away, so one that has stopped has to know.
 */
export function ownApp(app: unknown, guards: boolean): AppOwner {
  if ((typeof app !== 'object' && typeof app !== 'function') || app === null)
    return { hasOther: () => false, release: () => {} }
  const byApp = processSlot('appOwners', () => new WeakMap())
  const owners = byApp.get(app) ?? new Set<OwnedApp>()
  byApp.set(app, owners)
  const own: OwnedApp = { guards }
  owners.add(own)
  return {
    hasOther(which) {
      for (const owner of owners) if (owner !== own && (which === 'serves' || owner.guards)) return true
      return false
    },
    release: () => void owners.delete(own),
  }
}
