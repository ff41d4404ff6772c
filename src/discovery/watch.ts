import { SidecarError } from '../errors.js'
import type { ServiceInstance, ServiceKey } from '../types.js'
import { holdProcess } from '../util/hold-process.js'
import { createSubscription, type Subscription } from '../util/subscription.js'
import { refuseUnknown, type OptionNames } from '../util/unknown-option.js'
import type { ServiceDirectory } from './directory.js'
import { instanceId } from '../instance.js'
import type { ServiceSnapshot } from './snapshot.js'

/** How the instances that may be called (healthy, enabled, of a weight) differ from those reported before. */
export interface ServiceChange {
  readonly service: ServiceKey
  /** Those that may be called now. */
  readonly instances: readonly ServiceInstance[]
  /** At first all of them. */
  readonly added: readonly ServiceInstance[]
  /** Gone, or not to be called any more: unhealthy, disabled, weight 0. */
  readonly removed: readonly ServiceInstance[]
  /** Called on as before, with another weight or other metadata: as they are now. */
  readonly changed: readonly ServiceInstance[]
}

/** How long a watch lasts. */
export interface WatchOptions {
  /** Ends the watch. */
  readonly signal?: AbortSignal
}

const OPTIONS: OptionNames<WatchOptions> = { signal: true }

/** Changes one after the other; `break`, the signal and the end of the sidecar end it. */
export interface ServiceChanges extends AsyncIterableIterator<ServiceChange, undefined>, AsyncDisposable {}

/** The first list with whatever it holds, then each list in which something matters to a caller. */
export interface WatchService {
  /**
   * Calls back; a listener that throws harms no other.
   *
   * @throws SidecarError `SIDECAR_CALL_INVALID` for what is no service name, and for a wrong option
   * @example
   * const end = sidecar.discovery.watch('user-service', ({ added, removed }) => log(added, removed))
   */
  (service: string, listener: (change: ServiceChange) => unknown, options?: WatchOptions): Subscription
  /**
   * Iterates. A slow consumer gets several changes merged into one.
   *
   * @example
   * for await (const { instances } of sidecar.discovery.watch('user-service', { signal })) render(instances)
   */
  (service: string, options?: WatchOptions): ServiceChanges
}

export function createWatch(directory: ServiceDirectory): WatchService {
  function watch(service: string, listener: (change: ServiceChange) => unknown, options?: WatchOptions): Subscription
  function watch(service: string, options?: WatchOptions): ServiceChanges
  function watch(
    service: string,
    second: ((change: ServiceChange) => unknown) | WatchOptions = {},
    third: WatchOptions = {},
  ): Subscription | ServiceChanges {
    const options = typeof second === 'function' ? third : second
    refuseUnknown(options, OPTIONS, (why) => new SidecarError('SIDECAR_CALL_INVALID', `discovery.watch(): ${why}`))
    if (typeof second !== 'function') return iterate(directory, service, options.signal)
    return follow(directory, service, options.signal, second)
  }
  return watch
}

function follow(
  directory: ServiceDirectory,
  service: string,
  signal: AbortSignal | undefined,
  listener: (change: ServiceChange) => unknown,
): Subscription {
  let reported: ServiceSnapshot | undefined
  if (signal?.aborted) return createSubscription(() => {})
  const subscription = directory.watch(service, (snapshot) => {
    const change = changeBetween(reported, snapshot)
    reported = snapshot
    return change && listener(change)
  })
  const end = createSubscription(() => {
    signal?.removeEventListener('abort', end)
    subscription()
  })
  signal?.addEventListener('abort', end, { once: true })
  return end
}

function iterate(directory: ServiceDirectory, service: string, signal: AbortSignal | undefined): ServiceChanges {
  type Result = IteratorResult<ServiceChange, undefined>
  const DONE: Result = { done: true, value: undefined }
  let reported: ServiceSnapshot | undefined
  let latest: ServiceSnapshot | undefined
  let ended = false
  const waiting: ((result: Result) => void)[] = []

  const listener = (snapshot: ServiceSnapshot) => {
    latest = snapshot
    if (waiting.length === 0) return
    const change = take()
    if (change) waiting.shift()!({ done: false, value: change })
  }
  const subscription = signal?.aborted ? () => {} : directory.watch(service, listener)
  const end = () => {
    if (ended) return
    ended = true
    subscription()
    signal?.removeEventListener('abort', end)
    directory.closed.removeEventListener('abort', end)
    for (const resolve of waiting.splice(0)) resolve(DONE)
  }
  /** From the list reported last to the latest: however many changes lie between, nothing piles up. */
  const take = (): ServiceChange | undefined => {
    if (!latest || latest === reported) return undefined
    const change = changeBetween(reported, latest)
    reported = latest
    return change
  }
  for (const ending of [signal, directory.closed]) {
    if (ending?.aborted) end()
    else ending?.addEventListener('abort', end, { once: true })
  }

  const changes: ServiceChanges = {
    async next() {
      if (ended) return DONE
      const value = take()
      if (value) return { done: false, value }
      // A script that does nothing but wait for a change would end.
      return holdProcess(new Promise<Result>((resolve) => waiting.push(resolve)))
    },
    async return() {
      end()
      return DONE
    },
    async [Symbol.asyncDispose]() {
      end()
    },
    [Symbol.asyncIterator]: () => changes,
  }
  return changes
}

/** `undefined` where nothing a caller could notice differs. Unchanged instances are the same objects in both. */
export function changeBetween(before: ServiceSnapshot | undefined, now: ServiceSnapshot): ServiceChange | undefined {
  const { key: service, instances } = now
  if (!before) return { service, instances, added: instances, removed: [], changed: [] }
  const same = new Set(before.instances)
  const other = instances.filter((instance) => !same.delete(instance))
  // What is left of `same` is gone, or is there in another version.
  const left = new Map([...same].map((instance) => [instanceId(instance), instance]))
  const changed = other.filter((instance) => left.delete(instanceId(instance)))
  if (other.length === 0 && left.size === 0) return undefined
  const isChanged = new Set(changed)
  return {
    service,
    instances,
    added: other.filter((instance) => !isChanged.has(instance)),
    removed: [...left.values()],
    changed,
  }
}
