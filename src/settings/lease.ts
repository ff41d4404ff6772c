/** How long the registry waits for a heartbeat, as written in the metadata. */
export interface Lease {
  readonly intervalMs: number
  /** Without a beat for this long: unhealthy. */
  readonly timeoutMs: number
  /** Without a beat for this long: removed. */
  readonly deleteAfterMs: number
}

type LeasePart = keyof Lease

/** What the three are called in the settings, and in the metadata as Java services write it. */
export const LEASE_NAMES: Readonly<Record<LeasePart, { setting: string; metadata: string }>> = {
  intervalMs: { setting: 'heart-beat-interval', metadata: 'preserved.heart.beat.interval' },
  timeoutMs: { setting: 'heart-beat-timeout', metadata: 'preserved.heart.beat.timeout' },
  deleteAfterMs: { setting: 'ip-delete-timeout', metadata: 'preserved.ip.delete.timeout' },
}

export const DEFAULT_LEASE: Lease = { intervalMs: 10_000, timeoutMs: 30_000, deleteAfterMs: 90_000 }

/** No beat loop runs faster: shorter times are seconds that were meant as such. */
export const SHORTEST_LEASE_MS = 1_000

const PARTS = Object.keys(LEASE_NAMES) as LeasePart[]

/** The settings of a lease, and the metadata, which is the stronger. */
export interface LeaseSettings {
  readonly heartBeatInterval?: number | undefined
  readonly heartBeatTimeout?: number | undefined
  readonly ipDeleteTimeout?: number | undefined
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * The lease as the settings write it: what is there holds, in the metadata before the settings, and the
 * rest adapts to it, so that some beats fit into each of the other two. Times of the metadata below a second are raised
 * to one.
 */
export function bindLease(written: LeaseSettings): Lease {
  return adapt({ ...ownLease(written), ...leaseInMetadata(written.metadata) })
}

/** The lease of settings that are bound: the three agree already, unless the metadata was changed since. */
export function leaseOf(settings: LeaseSettings): Lease {
  const own = ownLease(settings)
  const told = leaseInMetadata(settings.metadata)
  const agree = PARTS.every((part) => own[part] !== undefined && own[part] === (told[part] ?? own[part]))
  if (agree) return own as Lease
  const chosen = Object.entries(own).filter(([part, ms]) => ms !== DEFAULT_LEASE[part as LeasePart])
  return adapt({ ...(Object.fromEntries(chosen) as Partial<Lease>), ...told })
}

/** A lease under the names of the settings. */
export function settingsOfLease({ intervalMs, timeoutMs, deleteAfterMs }: Lease) {
  return { heartBeatInterval: intervalMs, heartBeatTimeout: timeoutMs, ipDeleteTimeout: deleteAfterMs }
}

function ownLease(settings: LeaseSettings): Partial<Lease> {
  const { heartBeatInterval: intervalMs, heartBeatTimeout: timeoutMs, ipDeleteTimeout: deleteAfterMs } = settings
  return { intervalMs, timeoutMs, deleteAfterMs }
}

function adapt(written: Partial<Lease>): Lease {
  const limits = [written.timeoutMs, written.deleteAfterMs].filter((ms) => ms !== undefined)
  const shortest = Math.min(...limits)
  const third = Math.max(Math.floor(shortest / 3), Math.min(SHORTEST_LEASE_MS, shortest))
  const intervalMs = written.intervalMs ?? Math.min(DEFAULT_LEASE.intervalMs, third)
  const longEnough = Math.max(DEFAULT_LEASE.timeoutMs, 3 * intervalMs)
  const timeoutMs = written.timeoutMs ?? Math.max(Math.min(longEnough, written.deleteAfterMs ?? Infinity), intervalMs)
  return {
    intervalMs,
    timeoutMs,
    deleteAfterMs: written.deleteAfterMs ?? Math.max(DEFAULT_LEASE.deleteAfterMs, timeoutMs),
  }
}

/**
 * What is wrong with a lease: the registry refuses one whose timeouts are below its interval, and nothing else.
 *
 * @returns the part that cannot be, and a sentence that names what was written
 */
export function leaseProblem(lease: Lease, settings: LeaseSettings): { part: LeasePart; message: string } | undefined {
  const part = (['timeoutMs', 'deleteAfterMs'] as const).find((one) => lease[one] < lease.intervalMs)
  if (!part) return undefined
  const name = (one: LeasePart) => {
    const { setting, metadata } = LEASE_NAMES[one]
    return Object.hasOwn(settings.metadata, metadata) ? `metadata ${metadata}` : setting
  }
  const message = `${name(part)} (${lease[part]} ms) must not be below ${name('intervalMs')} (${lease.intervalMs} ms): the registry refuses that`
  return { part, message }
}

/** The times of the metadata that were raised, for one warning. */
export function raisedInMetadata(metadata: Readonly<Record<string, string>>): string[] {
  return PARTS.flatMap((part) => {
    const name = LEASE_NAMES[part].metadata
    const ms = millisecondsOf(metadata, name)
    return ms !== undefined && ms < SHORTEST_LEASE_MS ? [`${name}: ${ms}`] : []
  })
}

function leaseInMetadata(metadata: Readonly<Record<string, string>>): Partial<Lease> {
  const found = PARTS.flatMap((part) => {
    const ms = millisecondsOf(metadata, LEASE_NAMES[part].metadata)
    return ms === undefined ? [] : [[part, Math.max(ms, SHORTEST_LEASE_MS)] as const]
  })
  return Object.fromEntries(found)
}

/** A whole number, as the registry reads it; anything else it ignores. */
function millisecondsOf(metadata: Readonly<Record<string, string>>, name: string): number | undefined {
  const text = Object.hasOwn(metadata, name) ? metadata[name] : undefined
  return text !== undefined && /^\s*\d{1,15}\s*$/.test(text) ? Number(text) : undefined
}
