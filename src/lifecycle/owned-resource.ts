import { setImmediate } from 'node:timers/promises'
import type { Config } from '../config/config.js'
import { messageOf, SidecarError } from '../errors.js'
import type { Emit } from '../events.js'
import type { Logger } from '../logger.js'
import { mask } from '../util/secrets.js'
import type { Subscription } from '../util/subscription.js'
import { createHealthCheck, type HealthCheck } from './health-check.js'
import type { StopContext } from './hooks.js'
import { createInUse, type InUse } from './in-use.js'
import type { Resource, ResourceOptions, ResourceStatus } from './resource.js'
import { inTime } from '../util/in-time.js'

/** How long each part of its life may take, in ms. */
export interface ResourceTimes {
  readonly startMs: number
  readonly workMs: number
  readonly stopMs: number
}

/** A resource with what the lifecycle needs of it. */
export interface OwnedResource<T> {
  readonly handle: Resource<T>
  readonly status: ResourceStatus
  readonly readiness: boolean
  start(signal: AbortSignal): Promise<void>
  stop(context: StopContext): Promise<void>
  /** The status after a check of its health. */
  check(): Promise<ResourceStatus>
}

export interface ResourceParts {
  readonly config: Pick<Config, 'get' | 'on'>
  readonly logger: Logger
  readonly emit: Emit
}

export function createResource<T>(
  name: string,
  options: ResourceOptions<T>,
  { startMs, workMs, stopMs }: ResourceTimes,
  { config, logger, emit }: ResourceParts,
): OwnedResource<T> {
  const { reload = [], readiness = false } = options
  const ending = new AbortController()
  let resolveReady = (_value: T) => {}
  let rejectReady = (_error: unknown) => {}
  const ready = new Promise<T>((resolve, reject) => ([resolveReady, rejectReady] = [resolve, reject]))
  ready.catch(() => {})
  const subscriptions: Subscription[] = []
  let current: InUse<T> | undefined
  let check: HealthCheck | undefined
  let problem: { readonly reason: string; readonly error?: string } | undefined = { reason: 'not started' }
  let changed = false
  let swapping: Promise<void> | undefined

  /** One that is not awaited any more is stopped as soon as it is there. */
  async function make(signal: AbortSignal): Promise<InUse<T>> {
    const made = createInUse(await options.start(config.get, { signal }))
    if (!signal.aborted && !ending.signal.aborted) return made
    retire(made).catch(warn)
    throw signal.reason ?? ending.signal.reason
  }

  function take(made: InUse<T>): void {
    current = made
    problem = undefined
    const { health } = options
    check = health && createHealthCheck((signal) => health.call(options, made.value, { signal }))
    resolveReady(made.value)
  }

  /** Stops one that is not given out any more, when its work is done; kills it if that takes too long. */
  async function retire(old: InUse<T>, parent?: StopContext): Promise<void> {
    const killing = parent?.signal
    const waitMs = parent ? stopMs : workMs
    if (!killing?.aborted && !(await old.idle(waitMs, killing)))
      warn(new Error(`it is stopped although ${old.uses} uses are not done within ${waitMs} ms`))
    if (killing?.aborted) return kill(old, parent)
    try {
      await inTime(stopMs, [killing], (signal) =>
        options.stop?.(old.value, {
          signal,
          get killed() {
            return signal.aborted
          },
        }),
      )
    } catch (error) {
      await kill(old, undefined)
      throw error
    }
  }

  async function kill({ value }: InUse<T>, instead: StopContext | undefined): Promise<void> {
    await (options.kill ? options.kill(value) : instead && options.stop?.(value, instead))
  }

  const warn = (error: unknown) => logger.warn(`resource "${name}": ${mask(messageOf(error))}`)

  function onChange(): void {
    changed = true
    // The first start reads what is there then.
    if (current || problem?.reason === 'start failed') swapping ??= swapAll().finally(() => (swapping = undefined))
  }

  /** One after the other: a database sees two at most. Changes that come meanwhile become one. */
  async function swapAll(): Promise<void> {
    // A document may change several of the keys.
    await setImmediate()
    while (changed && !ending.signal.aborted) {
      changed = false
      await swap()
    }
  }

  async function swap(): Promise<void> {
    let made: InUse<T>
    try {
      made = await inTime(startMs, [ending.signal], make)
    } catch (error) {
      if (ending.signal.aborted) return
      const failure = startFailed(name, error)
      const text = mask(messageOf(error))
      problem = { reason: current ? 'reload failed' : 'start failed', error: text }
      logger.error(
        `resource "${name}": its configuration changed, but a new one cannot be started: ${text}${current ? '. The one before stays in use' : ''}`,
      )
      return emit('resourceFailed', { name, error: failure })
    }
    const old = current
    take(made)
    logger.info(`resource "${name}": its configuration changed, a new one is in use`)
    emit('resourceReloaded', { name })
    if (old) await retire(old).catch(warn)
  }

  function held(): InUse<T> {
    if (ending.signal.aborted) throw ending.signal.reason
    if (current) return current
    throw new SidecarError(
      'SIDECAR_RESOURCE_UNAVAILABLE',
      `the resource "${name}" is not there yet (${problem?.reason}): await sidecar.ready, or its own ready, first`,
    )
  }

  function status(): ResourceStatus {
    const health = check?.last ?? { up: true }
    const { reason, error } = problem ?? health
    return {
      name,
      status: current && health.up ? 'UP' : 'DOWN',
      reason: health.up ? reason : health.reason,
      error: health.up ? error : health.error,
      uses: current?.uses ?? 0,
      startedAt: current?.since,
    }
  }

  return {
    readiness,
    get status() {
      return status()
    },
    handle: {
      name,
      get value() {
        return held().value
      },
      ready,
      async use(work) {
        if (!current && !ending.signal.aborted) await ready.catch(() => {})
        return held().use(work)
      },
    },
    async start(signal) {
      for (const key of [reload].flat()) subscriptions.push(config.on(key, onChange))
      problem = { reason: 'starting' }
      const fail = (error: unknown) => {
        if (ending.signal.aborted || current) return
        const text = mask(messageOf(error))
        problem = { reason: 'start failed', error: text }
        rejectReady(startFailed(name, error))
      }
      const onAbort = () => fail(new Error('it was not started in time'))
      signal.addEventListener('abort', onAbort)
      try {
        take(await make(signal))
      } catch (error) {
        fail(error)
        throw error
      } finally {
        signal.removeEventListener('abort', onAbort)
      }
      if (changed) onChange()
    },
    async stop(context) {
      const stopped = new SidecarError('SIDECAR_STOPPED', `the resource "${name}" has been stopped`)
      for (const end of subscriptions) end()
      ending.abort(stopped)
      rejectReady(stopped)
      const last = current
      current = undefined
      problem = { reason: 'stopped' }
      await Promise.all([swapping, last && retire(last, context)])
    },
    async check() {
      await check?.result()
      return status()
    },
  }
}

/** Its message may be shown; the cause may hold secrets. */
export function startFailed(name: string, cause: unknown): SidecarError {
  return new SidecarError('SIDECAR_START_FAILED', `resource "${name}" failed: ${mask(messageOf(cause))}`, { cause })
}
