import { messageOf } from '../../errors.js'
import type { Logger } from '../../logger.js'
import type { ServiceInstance, ServiceKey, Unsubscribe } from '../../types.js'
import { tell } from '../../util/tell.js'
import type { FailureListener, NacosTransport, ServiceListener } from '../transport.js'
import { createPoller } from './poller.js'
import type { Mode } from './push-switch.js'

type WatchService = NonNullable<NacosTransport['watchService']>

/** Services that are followed by whichever way there is. */
export interface ServiceFeed {
  readonly watch: WatchService
  set(mode: Mode, push: WatchService | undefined): void
  close(): void
}

export interface ServiceFeedOptions {
  readonly list: NacosTransport['list']
  /** Between two questions about one service where nothing pushes; ±10 %. */
  readonly pollIntervalMs: number
  readonly logger: Logger
}

interface Followed {
  readonly key: ServiceKey
  /** Each listener with what hears of failures. */
  readonly listeners: Map<ServiceListener, FailureListener | undefined>
  current: ServiceInstance[] | undefined
  stop: Unsubscribe
}

export function createServiceFeed({ list, pollIntervalMs, logger }: ServiceFeedOptions): ServiceFeed {
  const followed = new Map<string, Followed>()
  const poller = createPoller({ list, intervalMs: pollIntervalMs })
  let way: WatchService | undefined

  const inform = (one: Followed, listener: ServiceListener): void =>
    tell(listener, [...one.current!], (error) =>
      logger.error(`A listener of service ${one.key.group}@@${one.key.service} threw: ${messageOf(error)}`),
    )

  const follow = (one: Followed): void => {
    one.stop()
    one.stop = () => {}
    if (!way) return
    one.stop = way(
      one.key,
      (instances) => {
        one.current = instances
        for (const listener of one.listeners.keys()) inform(one, listener)
      },
      (error) => {
        for (const failed of one.listeners.values()) failed?.(error)
      },
    )
  }

  return {
    watch(key, listener, onFailure) {
      const id = `${key.namespace} ${key.group}@@${key.service}`
      let one = followed.get(id)
      // Its own function object: the same listener may be handed in twice.
      const own: ServiceListener = (instances) => listener(instances)
      if (one) {
        one.listeners.set(own, onFailure)
        queueMicrotask(() => one!.current && one!.listeners.has(own) && inform(one!, own))
      } else {
        one = { key, listeners: new Map([[own, onFailure]]), current: undefined, stop: () => {} }
        followed.set(id, one)
        follow(one)
      }
      return () => {
        if (!one.listeners.delete(own) || one.listeners.size > 0) return
        followed.delete(id)
        one.stop()
      }
    },
    set(mode, push) {
      way = mode === 'push' ? push : mode === 'pull' ? poller.watch : undefined
      for (const one of followed.values()) follow(one)
    },
    close() {
      for (const one of followed.values()) one.stop()
      followed.clear()
    },
  }
}
