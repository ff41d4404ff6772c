import { setTimeout as pause } from 'node:timers/promises'
import { startRabbitmq } from '../real/servers/rabbitmq.js'
import { EVENT_SIDES, type EventSideName, type EventsOptions } from './roles/events.js'
import type { Window } from './support/drive.js'
import { median, pairedRatio, round } from './support/statistics.js'
import { startWorker } from './support/worker.js'

const IN_FLIGHT = 64
const PREFETCH = 32
const WARM_UP_MS = 3_000
const WINDOW_MS = 500
const ROUNDS = 12
const NAMES = Object.keys(EVENT_SIDES) as EventSideName[]

export interface EventFigures {
  /** Events emitted, confirmed, handled and accepted per second. */
  readonly perSecond: number
  /** Against bare amqplib, round by round. */
  readonly ratio: number
  /** CPU time of the process an event, both ways, in µs. */
  readonly cpuMicros: number
}

export type Events = Readonly<Record<EventSideName, EventFigures>>

/** Each side emits events to itself over one RabbitMQ; they take turns. A text where no RabbitMQ can be had. */
export async function measureEvents(child: string, registry: string): Promise<Events | string> {
  const broker = await startRabbitmq().catch((error: Error) => error.message)
  if (typeof broker === 'string') return broker
  try {
    const options = { url: broker.url, registry, prefetch: PREFETCH }
    const start = async (side: EventSideName) => {
      const worker = await startWorker(child, 'events', { side, ...options } satisfies EventsOptions)
      return { side, worker, windows: [] as Window[] }
    }
    const sides = await Promise.all(NAMES.map(start))
    for (const { worker } of sides) {
      await worker.ask('drive', { inFlight: IN_FLIGHT, ms: WINDOW_MS })
      // Before the warm-up: a collection also throws away the compiled code of what has not run since the last one.
      await worker.ask('settle')
      await worker.ask('drive', { inFlight: IN_FLIGHT, ms: WARM_UP_MS })
    }
    for (let n = 0; n < ROUNDS; n++) {
      for (const { worker, windows } of n % 2 === 0 ? sides : sides.toReversed()) {
        await pause(100)
        windows.push(await worker.ask<Window>('drive', { inFlight: IN_FLIGHT, ms: WINDOW_MS }))
      }
    }
    await Promise.all(sides.map(({ worker }) => worker.stop()))
    const rates = (name: EventSideName) =>
      sides.find(({ side }) => side === name)!.windows.map(({ perSecond }) => perSecond)
    const figures = sides.map(({ side, windows }) => [
      side,
      {
        perSecond: Math.round(median(rates(side))),
        ratio: round(pairedRatio(rates(side), rates('bare')), 3),
        cpuMicros: round(median(windows.map(({ cpuMicros }) => cpuMicros)), 1),
      },
    ])
    return Object.fromEntries(figures) as Events
  } finally {
    await broker.stop()
  }
}
