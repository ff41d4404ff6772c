import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSidecar, type Sidecar } from 'nacos-sidecar'
import { events, type EventBus } from 'nacos-sidecar/events'
import { namekoRpc, type NamekoRpc } from 'nacos-sidecar/nameko'
import { afterAll, beforeAll, describe, expect, onTestFinished } from 'vitest'
import { collectLog } from '../../support/collect.js'
import { createMemoryTransport } from '../../support/memory-transport.js'
import { tempFolder } from '../../support/temp-folder.js'
import { namekoPackages, runNameko, startCaller, type NamekoCaller, type NamekoProcess } from '../servers/nameko.js'
import { rabbitmqPrograms, startRabbitmq, type Rabbitmq } from '../servers/rabbitmq.js'
import { cannotBeHad } from './on-server.js'
import { missingOf } from './setup.js'

/** RabbitMQ, Nameko on it, and services of this process beside. */
export interface BesideNameko {
  readonly rabbitmq: Rabbitmq
  /** A script with Nameko's standalone proxies, started at its first use. */
  readonly caller: NamekoCaller
  /** A further process of Nameko, until the test ends. @param classes of test/real/nameko/greeting.py */
  python(classes: readonly string[], instance: string): Promise<NamekoProcess>
  /** A service of this process, until the test ends. */
  node(name?: string, settings?: Readonly<Record<string, unknown>>): Promise<NodeService>
  /** The same, until its sidecar is stopped. */
  run(name: string, settings?: Readonly<Record<string, unknown>>): Promise<NodeService>
  /** Settles when that many requests of the queue are worked on, and each publisher has the confirm of the broker. */
  workedOn(queue: string, requests: number): Promise<void>
}

/** What a call of `held` of test/real/nameko/greeting.py waits for. */
export function holdFile(): { readonly path: string; release(): void } {
  const path = join(tempFolder(), 'released')
  return { path, release: () => writeFileSync(path, '') }
}

export interface NodeService {
  readonly sidecar: Sidecar
  readonly nameko: NamekoRpc
  readonly bus: EventBus
  /** What it logged, as `level message`. */
  readonly lines: readonly string[]
}

const packages = await namekoPackages().catch((error: unknown) => error as Error)
const missing =
  packages instanceof Error ? missingOf(packages) : await rabbitmqPrograms().then(() => undefined, missingOf)

/** @param classes the services of Nameko that run all the time, as `runNameko` has them */
export function besideNameko(name: string, classes: readonly string[], body: (beside: BesideNameko) => void): void {
  describe(name, () => {
    if (packages instanceof Error || missing) return cannotBeHad(missing!)
    const stops: (() => Promise<void>)[] = []
    let rabbitmq: Rabbitmq
    let caller: NamekoCaller | undefined

    beforeAll(async () => {
      rabbitmq = await startRabbitmq()
      stops.push(() => rabbitmq.stop())
      if (classes.length === 0) return
      const service = await runNameko(packages, rabbitmq.url, classes)
      stops.unshift(() => service.stop())
    }, 120_000)
    afterAll(async () => {
      for (const stop of stops) await stop()
    })

    body({
      get rabbitmq() {
        return rabbitmq
      },
      get caller() {
        if (caller !== undefined) return caller
        const started = (caller = startCaller(packages, rabbitmq.url))
        stops.unshift(() => started.stop())
        return started
      },
      async python(wanted, instance) {
        const service = await runNameko(packages, rabbitmq.url, wanted, instance)
        onTestFinished(() => service.kill())
        return service
      },
      async node(service = 'orders', settings = {}) {
        const running = run(service, settings)
        onTestFinished(async () => (await running).sidecar.stop({ drain: false }))
        return running
      },
      async workedOn(queue, requests) {
        const unacknowledged = async () => (await rabbitmq.queues()).find(({ name }) => name === queue)?.unacknowledged
        const wait = { interval: 20, timeout: 30_000 }
        await expect.poll(unacknowledged, wait).toBe(requests)
        await expect.poll(() => rabbitmq.unconfirmed(), wait).toBe(0)
      },
      run: (service, settings = {}) => run(service, settings),
    })

    async function run(service: string, settings: Readonly<Record<string, unknown>>): Promise<NodeService> {
      const logger = collectLog()
      const sidecar = createSidecar({
        ...{ configPath: false, signals: false, logger, transport: createMemoryTransport() },
        settings: {
          ...{ 'application.name': service, 'cloud.nacos.discovery.register-enabled': false },
          ...{ 'sidecar.events.url': rabbitmq.url, ...settings },
        },
      })
      await sidecar.ready
      return { sidecar, nameko: namekoRpc(sidecar), bus: events(sidecar), lines: logger.lines }
    }
  })
}
