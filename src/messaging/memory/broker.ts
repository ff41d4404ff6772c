import { setImmediate } from 'node:timers/promises'
import { SidecarError } from '../../errors.js'
import { withDeadline } from '../../util/deadline.js'
import { unlessAborted } from '../../util/unless-aborted.js'
import type { Broker, Consumer, Delivery, QueueOfTopic } from '../broker.js'
import type { MemoryQueue } from './queue.js'
import { memoryQueues } from './queues.js'

export interface MemoryBrokerOptions {
  /** What follows `memory:`. */
  readonly name: string
  onLost(error: Error): void
  onFound(): void
}

const lost = () => new SidecarError('SIDECAR_BROKER_UNAVAILABLE', 'the broker in memory is disconnected')

/** A broker in the memory of the process, for tests and for a process that is alone. It loses what it has when the process ends. */
export function createMemoryBroker({ name, onLost, onFound }: MemoryBrokerOptions): Broker {
  const queues = memoryQueues(name)
  const consumers = new Set<MemoryConsumer>()
  const waiting = new Set<() => void>()
  const closed = new AbortController()
  const unlink = queues.onLink((connected) => {
    for (const consumer of consumers) consumer.link(connected)
    if (!connected) return onLost(lost())
    for (const go of waiting) go()
    waiting.clear()
    onFound()
  })

  async function connected(signal: AbortSignal): Promise<void> {
    while (!queues.isConnected) await unlessAborted(new Promise<void>((resolve) => waiting.add(resolve)), signal)
    signal.throwIfAborted()
  }

  class MemoryConsumer implements Consumer {
    readonly ready: Promise<void>
    private attached: ReturnType<MemoryQueue['attach']> | undefined
    private readonly taker: { prefetch: number; take(delivery: Delivery): void }
    private onReady = () => {}
    private cancelled = false

    constructor(
      private readonly of: QueueOfTopic,
      prefetch: number,
      take: (delivery: Delivery) => void,
    ) {
      this.taker = { prefetch, take }
      this.ready = new Promise((resolve) => (this.onReady = resolve))
      this.link(queues.isConnected)
    }

    link(isConnected: boolean): void {
      if (this.cancelled) return
      if (!isConnected) return this.drop()
      this.attached = queues.declare(this.of).attach(this.taker)
      this.onReady()
    }

    drop(): void {
      this.attached?.stop()
      this.attached?.drop()
      if (this.of.mode === 'broadcast') queues.delete(this.of.name)
    }

    setPrefetch(prefetch: number): void {
      this.taker.prefetch = prefetch
      this.attached?.look()
    }

    async cancel(): Promise<void> {
      if (this.cancelled) return
      this.cancelled = true
      this.attached?.stop()
      if (this.of.mode === 'broadcast') queues.delete(this.of.name)
      await setImmediate()
    }
  }

  return {
    publish: (topic, message, { timeoutMs, signal }) =>
      withDeadline(
        timeoutMs,
        [signal, closed.signal],
        async (over) => {
          await connected(over)
          await setImmediate()
          if (!queues.isConnected) throw lost()
          queues.publish(topic, message)
        },
        0,
      ),
    consume(queue, prefetch, onDelivery) {
      const consumer = new MemoryConsumer(queue, prefetch, onDelivery)
      consumers.add(consumer)
      return consumer
    },
    status: () => ({
      url: `memory:${name}`,
      connected: queues.isConnected,
      lastError: queues.isConnected ? undefined : lost().message,
    }),
    async close() {
      closed.abort(new SidecarError('SIDECAR_STOPPED', 'the broker in memory is closed'))
      unlink()
      for (const consumer of consumers) {
        await consumer.cancel()
        consumer.drop()
      }
      consumers.clear()
    },
  }
}
