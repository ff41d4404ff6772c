import type { Delivery, Message, QueueOfTopic } from '../broker.js'
import type { MemoryRecord } from './queues.js'

interface Item {
  readonly message: Message
  readonly attempt: number
  readonly redelivered: boolean
  /** Its place among those that wait. */
  readonly place: number
}

/** An event that was given up. */
export interface DeadLetter {
  readonly message: Message
  readonly attempt: number
  readonly reason: string
}

/** A consumer, as the queue knows it. */
export interface MemoryTaker {
  readonly prefetch: number
  take(delivery: Delivery): void
}

type Note = (record: Omit<MemoryRecord, 'source' | 'type' | 'queue'>) => void

/** One queue in memory: it gives what waits to its takers in turn, as many to each as its prefetch says. */
export class MemoryQueue {
  private waiting: Item[] = []
  private readonly takers = new Map<MemoryTaker, Set<() => void>>()
  private readonly delayed = new Set<NodeJS.Timeout>()
  private places = 0
  private turn: NodeJS.Immediate | undefined
  private deleted = false

  constructor(
    readonly of: QueueOfTopic,
    private readonly dead: DeadLetter[],
    private readonly note: Note,
  ) {}

  get ready(): number {
    return this.waiting.length
  }

  /** Deliveries without an end. */
  get inHand(): number {
    let count = 0
    for (const open of this.takers.values()) count += open.size
    return count
  }

  /** Those that wait for their next attempt. */
  get later(): number {
    return this.delayed.size
  }

  get consumers(): number {
    return this.takers.size
  }

  push(message: Message, attempt = 1): void {
    this.add({ message, attempt, redelivered: false, place: ++this.places })
  }

  /** @returns ends what the taker has in hand: it goes back */
  attach(taker: MemoryTaker): { look(): void; stop(): void; drop(): void } {
    const open = new Set<() => void>()
    this.takers.set(taker, open)
    this.schedule()
    return {
      // It may take more than before.
      look: () => this.schedule(),
      stop: () => {
        // Its events in hand keep it known until they have ended.
        const inHand = this.takers.get(taker)
        this.takers.delete(taker)
        if (inHand?.size) this.takers.set({ prefetch: 0, take() {} }, inHand)
      },
      drop: () => {
        for (const release of [...open]) release()
      },
    }
  }

  /** What waits is gone. */
  delete(): void {
    this.deleted = true
    this.waiting = []
    for (const timer of this.delayed) clearTimeout(timer)
    this.delayed.clear()
    clearImmediate(this.turn)
  }

  private add(item: Item): void {
    if (this.deleted) return
    // Where it was: mostly at the end, and near the front for one that comes back.
    let at = this.waiting.length
    if (at > 0 && this.waiting[at - 1]!.place > item.place)
      at = this.waiting.findIndex(({ place }) => place > item.place)
    this.waiting.splice(at, 0, item)
    this.schedule()
  }

  private schedule(): void {
    if (this.waiting.length > 0) this.turn ??= setImmediate(() => this.deliver())
  }

  private deliver(): void {
    this.turn = undefined
    let given = 0
    while (given < this.waiting.length) {
      const next = [...this.takers].find(([taker, open]) => open.size < taker.prefetch)
      if (next === undefined) break
      const [taker, open] = next
      // Each in turn.
      this.takers.delete(taker)
      this.takers.set(taker, open)
      this.give(this.waiting[given++]!, taker, open)
    }
    this.waiting.splice(0, given)
  }

  private give(item: Item, taker: MemoryTaker, open: Set<() => void>): void {
    const { message, attempt, redelivered } = item
    let ended = false
    const release = () => end('released', () => this.add({ ...item, redelivered: true }))
    const end = (kind: MemoryRecord['kind'], then?: () => void, reason?: string) => {
      if (ended) return
      ended = true
      open.delete(release)
      if (open.size === 0) this.forget(open)
      then?.()
      this.note({ kind, message, attempt, ...(reason !== undefined && { reason }) })
      this.schedule()
    }
    const later = (delayMs: number) => {
      if (this.deleted) return
      const timer = setTimeout(() => {
        this.delayed.delete(timer)
        this.push(message, attempt + 1)
      }, delayMs)
      timer.unref()
      this.delayed.add(timer)
    }
    open.add(release)
    taker.take({
      message: { ...message, body: Buffer.from(message.body) },
      ...{ attempt, redelivered, release },
      accept: () => end('accepted'),
      async retry(delayMs) {
        end('retried', () => later(delayMs))
      },
      bury: async (reason) => {
        end('buried', () => this.dead.push({ message, attempt, reason }), reason)
      },
    })
  }

  /** One that was stopped has ended its last event. */
  private forget(open: Set<() => void>): void {
    for (const [taker, own] of this.takers) if (own === open && taker.prefetch === 0) this.takers.delete(taker)
  }
}
