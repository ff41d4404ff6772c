import { randomUUID } from 'node:crypto'
import { createSidecar, type Sidecar, type SidecarOptions } from 'nacos-sidecar'
import { events, type EventBus, type EventsOptions, type EventWork } from 'nacos-sidecar/events'
import { onTestFinished } from 'vitest'
import { collectLog } from './collect.js'
import { createMemoryTransport } from './memory-transport.js'

export interface BusMember {
  readonly sidecar: Sidecar
  readonly bus: EventBus
  /** What it logged, as `level message`. */
  readonly lines: string[]
}

/** A sidecar without a network, and its bus; it stops with the test. It may not be ready yet. */
export function openBus(
  service: string,
  options: EventsOptions,
  settings: object = {},
  more: Partial<SidecarOptions> = {},
): BusMember {
  const logger = collectLog()
  const sidecar = createSidecar({
    ...{ configPath: false, logger, signals: false, transport: createMemoryTransport() },
    settings: {
      'application.name': service,
      'cloud.nacos.discovery.register-enabled': false,
      'sidecar.snapshot-dir': 'off',
      ...settings,
    },
    ...more,
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  return { sidecar, bus: events(sidecar, options), lines: logger.lines }
}

/** The same, once it is ready. */
export async function startBus(...args: Parameters<typeof openBus>): Promise<BusMember> {
  const member = openBus(...args)
  await member.sidecar.ready
  return member
}

/** A name that no other test has: queues outlive their tests. */
export const unique = (name: string) => `${name}-${randomUUID().slice(0, 8)}`

export interface Seen {
  readonly data: unknown
  readonly work: EventWork
}

/** A handler that keeps what it is given. */
export function recorder(then: (seen: Seen) => unknown = () => {}) {
  const seen: Seen[] = []
  const waiting = new Set<() => void>()
  const handle = (data: unknown, work: EventWork) => {
    const one = { data, work }
    seen.push(one)
    for (const look of waiting) look()
    return then(one)
  }
  /** Waits until it has been called so many times. */
  const count = async (n: number): Promise<readonly Seen[]> => {
    await new Promise<void>((resolve) => {
      const look = () => {
        if (seen.length < n) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
    })
    return seen
  }
  return { handle, seen, count, data: () => seen.map(({ data }) => data) }
}

/** A promise that a test settles. */
export function gate<T = void>() {
  let open!: (value: T) => void
  const passed = new Promise<T>((resolve) => (open = resolve))
  return { passed, open }
}
