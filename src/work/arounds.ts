import { SidecarError } from '../errors.js'
import { createSubscription, type Subscription } from '../util/subscription.js'
import { refuseUnknown, type OptionNames } from '../util/unknown-option.js'
import { Limit } from './limit.js'
import type { Work, WorkKind } from './work.js'

/**
 * What is done before and after each piece of work.
 *
 * @param next does the work, with what was added later around it. Settles when it is done: with the result of the handler or its
 * error; for a request when its response is finished or its connection closed.
 * @returns what it returns is not used
 */
export type Around = (work: Work, next: () => Promise<unknown>) => unknown

/** Options of `sidecar.around`. */
export interface AroundOptions {
  /** Around which work. @default all of them: `request`, `event`, `rpc`, `timer` */
  readonly kinds?: readonly WorkKind[]
  /** At most so many pieces of work at once, those of all its kinds together. Further ones wait, in order. @default no limit */
  readonly concurrency?: number
  /**
   * How many requests may wait for `concurrency`; further ones are answered with 503. Events, RPC and timers always wait: what brings them
   * holds them back. @default 0
   */
  readonly queue?: number
}

/** What is around the work of an app, by its kind: `undefined` where nothing is. */
export interface Arounds {
  /** @throws SidecarError `SIDECAR_AROUND_INVALID` */
  add(around: Around, options?: AroundOptions): Subscription
  /** Whether there is one for this kind. */
  has(kind: WorkKind): boolean
  /** Calls back once, when there is one for requests for the first time. */
  onRequests(callback: () => void): void
  /** Does the work with all of them around it, the first one outermost. @returns what `run` does; `undefined` if it was left out */
  run<T>(work: Writable, run: () => Promise<T>): Promise<T | undefined>
}

/** A piece of work as it is written on. */
export type Writable = Work & { thrown: boolean }

interface Layer {
  readonly around: Around
  readonly kinds: ReadonlySet<WorkKind>
  readonly limit: Limit | undefined
  readonly queue: number
}

const OPTIONS: OptionNames<AroundOptions> = { kinds: true, concurrency: true, queue: true }
const KINDS: readonly WorkKind[] = ['request', 'event', 'rpc', 'timer']

export function createArounds(): Arounds {
  const layers = new Set<Layer>()
  const byKind = new Map<WorkKind, readonly Layer[]>()
  let onRequests: (() => void)[] = []

  function index(): void {
    for (const kind of KINDS) {
      const own = [...layers].filter(({ kinds }) => kinds.has(kind))
      if (own.length > 0) byKind.set(kind, own)
      else byKind.delete(kind)
    }
    if (!byKind.has('request')) return
    const callbacks = onRequests
    onRequests = []
    for (const callback of callbacks) callback()
  }

  return {
    add(around, options = {}) {
      const layer = readLayer(around, options)
      layers.add(layer)
      index()
      return createSubscription(() => {
        layers.delete(layer)
        index()
      })
    },
    has: (kind) => byKind.has(kind),
    onRequests(callback) {
      if (byKind.has('request')) callback()
      else onRequests.push(callback)
    },
    run(work, run) {
      const own = byKind.get(work.kind)
      return own ? enter(own, 0, work, run) : run()
    },
  }
}

function readLayer(around: unknown, options: AroundOptions): Layer {
  if (typeof around !== 'function') throw invalid(`expected a function, got ${typeof around}`)
  if (typeof options !== 'object' || options === null) throw invalid('options are an object')
  refuseUnknown(options, OPTIONS, invalid)
  const { kinds = KINDS, concurrency, queue = 0 } = options
  if (!Array.isArray(kinds) || kinds.length === 0 || !kinds.every((kind) => KINDS.includes(kind as WorkKind)))
    throw invalid(`kinds is a list of ${KINDS.join(', ')}`)
  if (concurrency !== undefined && !(Number.isSafeInteger(concurrency) && concurrency >= 1))
    throw invalid('concurrency is a whole number from 1')
  if (!(queue === Infinity || (Number.isSafeInteger(queue) && queue >= 0)))
    throw invalid('queue is a whole number from 0')
  const limit = concurrency === undefined ? undefined : new Limit(concurrency)
  return { around: around as Around, kinds: new Set(kinds as readonly WorkKind[]), limit, queue }
}

async function enter<T>(
  layers: readonly Layer[],
  index: number,
  work: Writable,
  run: () => Promise<T>,
): Promise<T | undefined> {
  const layer = layers[index]
  if (!layer) return run()
  const inner = () => enter(layers, index + 1, work, run)
  const { around, limit, queue } = layer
  if (!limit) return call(around, work, inner)
  if (work.kind === 'request' && limit.full && limit.queued >= queue) {
    throw new SidecarError(
      'SIDECAR_WORK_LIMIT',
      `${work.name}: too many requests at once (concurrency of sidecar.around)`,
    )
  }
  const turn = limit.enter(work.signal)
  if (turn) await turn
  try {
    return await call(around, work, inner)
  } finally {
    limit.leave()
  }
}

/** The work is done when the `around` and what is inside of it are. */
async function call<T>(around: Around, work: Writable, inner: () => Promise<T | undefined>): Promise<T | undefined> {
  let below: Promise<T | undefined> | undefined
  let settled = false
  const settle = (thrown: boolean) => {
    settled = true
    work.thrown = thrown
  }
  let over = false
  const next = () => {
    if (over)
      return Promise.reject(invalid(`next() was called for ${work.name} after the function had ended: await it`))
    if (below) return Promise.reject(invalid(`next() was called twice for ${work.name}`))
    below = inner()
    below.then(
      () => settle(false),
      () => settle(true),
    )
    return below
  }
  try {
    await around(work, next)
  } finally {
    over = true
  }
  // It may not have awaited what it began; an error that it has heard of is its own affair.
  return settled ? below!.catch(() => undefined) : below
}

function invalid(why: string): SidecarError {
  return new SidecarError('SIDECAR_AROUND_INVALID', `sidecar.around(): ${why}`)
}
