import { sharedSlot } from './shared-state.js'

/** One sidecar among those that were given the same app. */
export interface AppOwner {
  /** Another one serves this app, or guards it. */
  hasOther(which: 'serves' | 'guards'): boolean
  /** It has stopped: what it put in front of the app stays, but passes requests on if another sidecar took over. */
  release(): void
}

interface Owned {
  readonly guards: boolean
}

/**
 * Which sidecars an app has: two at once, or one after the other where it is taken up again after a `stop()`. What
 * was put in front of an app cannot be taken away, so one that has stopped has to know.
 */
export function ownApp(app: unknown, guards: boolean): AppOwner {
  if ((typeof app !== 'object' && typeof app !== 'function') || app === null)
    return { hasOther: () => false, release: () => {} }
  const byApp = sharedSlot('appOwners', () => new WeakMap<object, Set<Owned>>())
  const owners = byApp.get(app) ?? new Set<Owned>()
  byApp.set(app, owners)
  const own: Owned = { guards }
  owners.add(own)
  return {
    hasOther(which) {
      for (const owner of owners) if (owner !== own && (which === 'serves' || owner.guards)) return true
      return false
    },
    release: () => void owners.delete(own),
  }
}
