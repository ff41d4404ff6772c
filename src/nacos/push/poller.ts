import { aboutMs } from '../../util/backoff.js'
import { pause } from '../../util/deadline.js'
import { createLimiter } from '../../util/limiter.js'
import type { NacosTransport } from '../transport.js'

export interface PollerOptions {
  readonly list: NacosTransport['list']
  /** Between two questions about one service; ±10 %. */
  readonly intervalMs: number
}

/** Polls a watched service, and reports every answer and every failure. */
export interface Poller {
  readonly watch: NonNullable<NacosTransport['watchService']>
}

/** However many services there are, the registry and our own sockets are asked for so many lists at a time. */
const PARALLEL = 8

/** First questions are spread by so much for each service, but never by more than the interval. */
const SPREAD_MS = 10

export function createPoller({ list, intervalMs }: PollerOptions): Poller {
  const limit = createLimiter(PARALLEL)
  let polled = 0

  return {
    watch(key, listener, onFailure) {
      const ended = new AbortController()
      const ask = async () => {
        try {
          const instances = await limit(async () => {
            ended.signal.throwIfAborted()
            return list(key, ended.signal)
          })
          if (!ended.signal.aborted) listener(instances)
        } catch (error) {
          // The transport has logged it; what is held stays.
          if (!ended.signal.aborted) onFailure?.(error)
        }
      }
      const run = async () => {
        const firstMs = Math.random() * Math.min(intervalMs, SPREAD_MS * ++polled)
        for (let ms = firstMs; await pause(ms, ended.signal); ms = aboutMs(intervalMs)) await ask()
        polled--
      }
      void run()
      return () => ended.abort()
    },
  }
}
