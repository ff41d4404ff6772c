import { pause } from '../../util/deadline.js'
import type { NacosTransport } from '../transport.js'

export interface PollerOptions {
  readonly list: NacosTransport['list']
  /** Between two questions about one service; ±10 %. */
  readonly intervalMs: number
}

/** Asks for a watched service again and again, and tells of every answer and every failure. */
export interface Poller {
  readonly watch: NonNullable<NacosTransport['watchService']>
}

/** However many services there are, the registry and our own sockets are asked for so many lists at a time. */
const PARALLEL = 8

/** First questions are spread by so much for each service, but never by more than the interval. */
const SPREAD_MS = 10

export function createPoller({ list, intervalMs }: PollerOptions): Poller {
  const waiting: (() => void)[] = []
  let polled = 0
  let running = 0

  const turn = async (): Promise<void> => {
    if (running < PARALLEL) running++
    else await new Promise<void>((resolve) => waiting.push(resolve))
  }
  const done = (): void => {
    const next = waiting.shift()
    if (next) next()
    else running--
  }

  return {
    watch(key, listener, onFailure) {
      const ended = new AbortController()
      const ask = async () => {
        await turn()
        try {
          if (ended.signal.aborted) return
          const instances = await list(key, ended.signal)
          if (!ended.signal.aborted) listener(instances)
        } catch (error) {
          // The transport has logged it; what is held stays.
          if (!ended.signal.aborted) onFailure?.(error)
        } finally {
          done()
        }
      }
      const run = async () => {
        const firstMs = Math.random() * Math.min(intervalMs, SPREAD_MS * ++polled)
        for (let ms = firstMs; await pause(ms, ended.signal); ms = intervalMs * (0.9 + Math.random() / 5)) await ask()
        polled--
      }
      void run()
      return () => ended.abort()
    },
  }
}
