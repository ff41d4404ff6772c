import { processSlot } from '../../process-state.js'
import type { Unsubscribe } from '../../types.js'
import { sharedBy } from '../../util/shared-by.js'
import { unlessAborted } from '../../util/unless-aborted.js'
import type { Message, QueueOfTopic, Topic } from '../broker.js'
import { MemoryQueue, type DeadLetter } from './queue.js'

/** Something that happened to an event. */
export interface MemoryRecord extends Topic {
  readonly kind: 'published' | 'accepted' | 'retried' | 'buried' | 'released'
  /** `undefined` for `published`. */
  readonly queue: string | undefined
  readonly message: Message
  readonly attempt: number
  /** Of `buried`. */
  readonly reason?: string
}

/** Of those kept. */
const MAX_RECORDS = 10_000

/** The queues of one `memory:` broker: they belong to the process, and outlive the sidecars that use them. */
export class MemoryQueues {
  private readonly queues = new Map<string, MemoryQueue>()
  private readonly dead = new Map<string, DeadLetter[]>()
  private readonly watchers = new Set<(record: MemoryRecord) => void>()
  private readonly links = new Set<(connected: boolean) => void>()
  private connected = true
  /** What happened to events, oldest first. */
  readonly records: MemoryRecord[] = []

  /** False between `disconnect` and `connect`. */
  get isConnected(): boolean {
    return this.connected
  }

  /** Into each queue of the topic; without one the event is lost, as in RabbitMQ. */
  publish({ source, type }: Topic, message: Message): void {
    this.note({ kind: 'published', source, type, queue: undefined, message, attempt: 1 })
    for (const queue of this.queues.values())
      if (queue.of.source === source && queue.of.type === type) queue.push(message)
  }

  /** Makes the queue, if it is not there. From now on it holds the events of its topic. */
  declare(of: QueueOfTopic): MemoryQueue {
    const { source, type, name } = of
    return sharedBy(this.queues, name, () => {
      const note = (record: Omit<MemoryRecord, 'source' | 'type' | 'queue'>) =>
        this.note({ ...record, source, type, queue: name })
      return new MemoryQueue(
        of,
        sharedBy(this.dead, of.deadLetters, () => []),
        note,
      )
    })
  }

  delete(name: string): void {
    this.queues.get(name)?.delete()
    this.queues.delete(name)
  }

  /** Where each queue stands. */
  status(): { name: string; ready: number; inHand: number; later: number; consumers: number }[] {
    return [...this.queues].map(([name, { ready, inHand, later, consumers }]) => ({
      ...{ name, ready, inHand, later, consumers },
    }))
  }

  /** Events that were given up. @param queue its name, or that of its dead letters. @default those of all queues */
  deadLetters(queue?: string): readonly DeadLetter[] {
    if (queue === undefined) return [...this.dead.values()].flat()
    return this.dead.get(queue) ?? this.dead.get(`${queue}.dead`) ?? []
  }

  /** Nothing waits, is in hand, or comes later. */
  get idle(): boolean {
    return this.status().every(({ ready, inHand, later }) => ready + inHand + later === 0)
  }

  /** Hears of what happens to events, and of connections that are cut and made. */
  watch(watcher: (record: MemoryRecord) => void): Unsubscribe {
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }

  /** Waits until something is so; it is looked at whenever something has happened. Rejects with the signal's reason. */
  async until(isSo: () => boolean, signal?: AbortSignal): Promise<void> {
    if (isSo()) return
    let end: Unsubscribe | undefined
    const so = new Promise<void>((resolve) => (end = this.watch(() => isSo() && resolve())))
    try {
      await unlessAborted(so, signal)
    } finally {
      end?.()
    }
  }

  /** Cuts the connections of all that use it: what is in hand goes back, and nothing is taken, until `connect`. */
  disconnect(): void {
    this.link(false)
  }

  connect(): void {
    this.link(true)
  }

  /** For brokers: hears of cut and made connections. */
  onLink(listener: (connected: boolean) => void): Unsubscribe {
    this.links.add(listener)
    return () => this.links.delete(listener)
  }

  /** Forgets all queues but those with consumers, what waits in them, dead letters and records. */
  clear(): void {
    for (const [name, queue] of [...this.queues]) if (queue.consumers === 0) this.delete(name)
    for (const letters of this.dead.values()) letters.length = 0
    this.records.length = 0
  }

  private link(connected: boolean): void {
    if (this.connected === connected) return
    this.connected = connected
    for (const listener of [...this.links]) listener(connected)
  }

  private note(record: MemoryRecord): void {
    this.records.push(record)
    if (this.records.length > MAX_RECORDS) this.records.splice(0, MAX_RECORDS / 2)
    for (const watcher of [...this.watchers]) watcher(record)
  }
}

/** The queues of `memory:name`, the same for all of the process. */
export function memoryQueues(name = ''): MemoryQueues {
  return sharedBy(
    processSlot('memoryQueues', () => new Map()),
    name,
    () => new MemoryQueues(),
  )
}
