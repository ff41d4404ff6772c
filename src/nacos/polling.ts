import type { Logger } from '../logger.js'
import { configKeyText, serviceKeyText } from '../instance.js'
import type { ConfigItem, ConfigKey, ServiceInstance, ServiceKey, Unsubscribe } from '../types.js'
import { aboutMs } from '../util/backoff.js'
import { linkSignals, pause } from '../util/deadline.js'
import { createLimiter } from '../util/limiter.js'
import { sharedBy } from '../util/shared-by.js'
import { ConfigFollowers, ServiceFollowers } from './followers.js'
import type { FailureListener, NacosTransport, RegistryTransport, ConfigSource, ServiceSource } from './transport.js'

export interface PollingOptions<Key, Value> {
  readonly ask: (key: Key, signal: AbortSignal) => Promise<Value>
  /** Between two questions about one key; ±10 %. */
  readonly intervalMs: number
  /** Asks for the first time at once, not after the interval: the caller does not know how things are. @default true */
  readonly immediate?: boolean
}

/** Asks about each key again and again. */
export interface Polling<Key, Value> {
  /** Reports every answer, and every question that failed. */
  follow(key: Key, onValue: (value: Value) => void, onFailure?: FailureListener): Unsubscribe
  /** Waits no longer for the next question about anything. */
  askNow(): void
}

/** However many keys there are, the registry and our own sockets get so many questions at a time. */
const PARALLEL = 8

/** First questions are spread by so much for each key, but never by more than the interval. */
const SPREAD_MS = 10

/** The one implementation of polling, for whatever is watched where nothing pushes. */
export function createPolling<Key, Value>(options: PollingOptions<Key, Value>): Polling<Key, Value> {
  const { ask, intervalMs, immediate = true } = options
  const limit = createLimiter(PARALLEL)
  let skip = new AbortController()
  let followed = 0

  async function untilNext(ms: number, ended: AbortSignal): Promise<boolean> {
    const { signal, unlink } = linkSignals(ended, skip.signal)
    await pause(ms, signal)
    unlink()
    return !ended.aborted
  }

  return {
    follow(key, onValue, onFailure) {
      const { signal, abort } = endable()
      const askOnce = async () => {
        try {
          const value = await limit(async () => {
            signal.throwIfAborted()
            return ask(key, signal)
          })
          if (!signal.aborted) onValue(value)
        } catch (error) {
          // The transport has logged it; what is held stays.
          if (!signal.aborted) onFailure?.(error)
        }
      }
      const run = async () => {
        followed++
        let ms = immediate ? Math.random() * Math.min(intervalMs, SPREAD_MS * followed) : aboutMs(intervalMs)
        for (; await untilNext(ms, signal); ms = aboutMs(intervalMs)) await askOnce()
        followed--
      }
      void run()
      return abort
    },
    askNow() {
      skip.abort()
      skip = new AbortController()
    },
  }
}

function endable() {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort() }
}

type WatchOptions<Key, Value> = PollingOptions<Key, Value> & { readonly logger: Logger }

/** `watchService` by polling: one question for all listeners of a service. */
export function pollServices({ logger, ...options }: WatchOptions<ServiceKey, ServiceInstance[]>): ServiceSource {
  const polling = createPolling(options)
  const services = new Map<string, ServiceFollowers>()
  return (key, listener, onFailure) => {
    const id = `${key.namespace} ${serviceKeyText(key)}`
    const followers = sharedBy(services, id, () => {
      const all = new ServiceFollowers(key, logger, () => {
        services.delete(id)
        stop()
      })
      const stop = polling.follow(
        key,
        (instances) => all.emit(instances),
        (error) => all.fail(error),
      )
      return all
    })
    return followers.add(listener, onFailure)
  }
}

/** `watchConfig` by polling: one question for all listeners of a document. */
export function pollConfigs({ logger, ...options }: WatchOptions<ConfigKey, ConfigItem | undefined>): ConfigSource {
  const polling = createPolling(options)
  const configs = new Map<string, ConfigFollowers>()
  return (key, knownMd5, listener) => {
    const id = configKeyText(key)
    const followers = sharedBy(configs, id, () => {
      const all = new ConfigFollowers(key, logger, () => {
        configs.delete(id)
        stop()
      })
      const stop = polling.follow(key, (item) => all.emit(item))
      return all
    })
    return followers.add(knownMd5, listener)
  }
}

/** The methods of a transport that need no more than to be passed on. */
const METHODS = [
  'register',
  'deregister',
  'list',
  'getConfig',
  'beat',
  'watchService',
  'watchConfig',
  'publishConfig',
  'deleteConfig',
  'listServices',
  'deregisterRequest',
  'describe',
  'close',
] as const satisfies readonly (keyof NacosTransport)[]

/**
 * Adds the watches that a transport of the app's own lacks, by polling: everything behind it sees transports that
 * watch. One that has both is returned as it is.
 */
export function withPolling(
  transport: NacosTransport,
  { pollIntervalMs, logger }: { readonly pollIntervalMs: number; readonly logger: Logger },
): RegistryTransport {
  if (watches(transport)) return transport
  // What was read first by a caller is polled from then on: no second question at once.
  const options = { intervalMs: pollIntervalMs, immediate: false, logger }
  // Looked up at each call: whatever replaces a method later is called.
  const own = transport as unknown as Record<string, (...args: unknown[]) => unknown>
  const methods = METHODS.filter((name) => transport[name] !== undefined)
  const passedOn = methods.map((name) => [name, (...args: unknown[]) => own[name]!(...args)] as const)
  return {
    watchService: pollServices({ ask: (key, signal) => transport.list(key, signal), ...options }),
    watchConfig: pollConfigs({ ask: (key, signal) => transport.getConfig(key, signal), ...options }),
    ...(Object.fromEntries(passedOn) as Partial<NacosTransport>),
    ...(!transport.watchService && { describe: () => ({ by: 'poll' as const, ...transport.describe() }) }),
  } as RegistryTransport
}

function watches(transport: NacosTransport): transport is RegistryTransport {
  return transport.watchService !== undefined && transport.watchConfig !== undefined
}
