/** What a client publishes of itself, as the registry keeps it. */
export interface Published {
  readonly ip: string
  readonly port: number
  readonly cluster: string
  readonly weight: number
  readonly enabled: boolean
  readonly ephemeral: boolean
  readonly metadata: Readonly<Record<string, string>>
  /** Only v1 registrations carry one, as in Nacos. */
  readonly instanceId?: string
}

/** What an operator lays over a published instance; it outlives a re-registration. */
export interface Override {
  readonly weight?: number
  readonly enabled?: boolean
  readonly metadata?: Readonly<Record<string, string>>
}

/** An instance as a list shows it: published, with the operator's word on top. */
export interface InstanceView extends Published {
  readonly healthy: boolean
}

/** Times in milliseconds after the last heartbeat; metadata of the instance moves them. */
export interface BeatTimes {
  /** @default 5000 */
  readonly intervalMs: number
  /** Unhealthy after. @default 15000 */
  readonly timeoutMs: number
  /** Deleted after. @default 30000 */
  readonly deleteMs: number
}

export const NACOS_BEAT_TIMES: BeatTimes = { intervalMs: 5_000, timeoutMs: 15_000, deleteMs: 30_000 }

/** The times that hold for this metadata. A value that is no number is ignored, as Nacos does. */
export function beatTimesOf(metadata: Readonly<Record<string, string>>, defaults: BeatTimes): BeatTimes {
  const read = (key: string, fallback: number) => {
    const raw = Object.hasOwn(metadata, key) ? metadata[key]! : ''
    return /^\d+$/.test(raw) ? Number(raw) : fallback
  }
  return {
    intervalMs: read('preserved.heart.beat.interval', defaults.intervalMs),
    timeoutMs: read('preserved.heart.beat.timeout', defaults.timeoutMs),
    deleteMs: read('preserved.ip.delete.timeout', defaults.deleteMs),
  }
}

const LONGEST_CHECK_MS = 5_000
const SHORTEST_CHECK_MS = 20

/** Nacos looks every 5 s; a short timeout is looked at three times within its span, so that it is sharp. */
export function checkEveryMs({ timeoutMs, deleteMs }: BeatTimes): number {
  return Math.max(SHORTEST_CHECK_MS, Math.min(LONGEST_CHECK_MS, timeoutMs / 3, deleteMs / 3))
}

/** Metadata without a prototype, so that `__proto__` is a key like any other. */
export function plainRecord(
  entries: Iterable<readonly [string, string]>,
  base?: Readonly<Record<string, string>>,
): Record<string, string> {
  const record = Object.create(null) as Record<string, string>
  for (const [key, value] of base ? Object.entries(base) : []) record[key] = value
  for (const [key, value] of entries) record[key] = value
  return record
}
