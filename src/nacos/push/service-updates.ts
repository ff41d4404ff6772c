import { messageOf } from '../../errors.js'
import type { Logger } from '../../logger.js'
import type { ServiceInstance, ServiceKey, Unsubscribe } from '../../types.js'
import { callListener } from '../../util/call-listener.js'
import type { FailureListener, NacosTransport, ServiceListener } from '../transport.js'
import { createPoller } from './poller.js'
import type { UpdateMode } from './update-mode.js'

type WatchService = NonNullable<NacosTransport['watchService']>

/** Watches services by push or by polling, as the update mode says. */
export interface ServiceUpdates {
  readonly watch: WatchService
  setMode(mode: UpdateMode, push: WatchService | undefined): void
  close(): void
}

export interface ServiceUpdatesOptions {
  readonly list: NacosTransport['list']
  /** Between two questions about one service where nothing pushes; ±10 %. */
  readonly pollIntervalMs: number
  readonly logger: Logger
}

interface Followed {
  readonly key: ServiceKey
  /** Each listener with its failure listener. */
  readonly listeners: Map<ServiceListener, FailureListener | undefined>
  current: ServiceInstance[] | undefined
  stop: Unsubscribe
}

export function createServiceUpdates({ list, pollIntervalMs, logger }: ServiceUpdatesOptions): ServiceUpdates {
  const followed = new Map<string, Followed>()
  const poller = createPoller({ list, intervalMs: pollIntervalMs })
  let source: WatchService | undefined

  const notify = (one: Followed, listener: ServiceListener): void =>
    callListener(listener, [...one.current!], (error) =>
      logger.error(`A listener of service ${one.key.group}@@${one.key.service} threw: ${messageOf(error)}`),
    )

  const follow = (one: Followed): void => {
    one.stop()
    one.stop = () => {}
    if (!source) return
    one.stop = source(
      one.key,
      (instances) => {
        one.current = instances
        for (const listener of one.listeners.keys()) notify(one, listener)
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
        queueMicrotask(() => one!.current && one!.listeners.has(own) && notify(one!, own))
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
    setMode(mode, push) {
      source = mode === 'push' ? push : mode === 'pull' ? poller.watch : undefined
      for (const one of followed.values()) follow(one)
    },
    close() {
      for (const one of followed.values()) one.stop()
      followed.clear()
    },
  }
}
