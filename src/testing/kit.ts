import type { CallRuntime } from '../calls/runtime.js'
import { SidecarError } from '../errors.js'
import { definitionOf, type ClientDefinition, type StandIn } from '../feign/client.js'
import { processSlot } from '../process-state.js'
import type { Timer } from '../timers/timer.js'
import type { TestSeam } from '../under-test.js'
import { createSubscription, type Subscription } from '../util/subscription.js'
import { refuseUnknown, type OptionNames } from '../util/unknown-option.js'
import { createTestEvents, type TestEvents } from './events.js'
import { standInFor, type FakeMethods } from './fake-client.js'
import { replacing } from './replacing.js'
import { withFakes } from './resources.js'

/** Options of `fire`. */
export interface FireOptions {
  /** The service whose timer it is, where several in this process have one of this name. */
  readonly service?: string
}

const FIRE: OptionNames<FireOptions> = { service: true }

/**
 * What a test changes in the sidecars of this process that are on its registry, those that it starts and those that the app's own code
 * starts. The methods need no `this`: `const { override, fire } = await startTestRegistry()`.
 */
export interface TestKit extends TestEvents {
  /**
   * Puts `fake` in place of a resource (`sidecar.provide`), or of the calls of a typed client, wherever the app makes it. What is overridden
   * before its service starts is not started at all.
   *
   * @param name of the resource; or a class with `@feign` above it, or what `defineClient` returned
   * @param fake the value of the resource; or the answers of the client, as `fakeClient` takes them, or what it returned
   * @returns takes the fake away: the last one before it, or the real thing, is used again. The stop of the registry does so, too.
   * @throws SidecarError `SIDECAR_CLIENT_INVALID` if it is no client; `SIDECAR_TEST_INVALID` for fakes that do not fit it
   * @example
   * using db = registry.override('db', { query: async () => [{ id: 7 }] })
   * using users = registry.override(UserClient, { getUser: async ({ id }) => ({ id, name: 'Ada' }) })
   */
  override(name: string, fake: unknown): Subscription
  override<T extends object>(client: (new () => T) | T, fake: FakeMethods<T>): Subscription
  /**
   * Of all timers and event handlers only these run by themselves. `fire` runs other timers, too; events of other handlers are not taken.
   * Say so before the service starts; a second call adds names.
   *
   * @param names of timers; of handlers: their events (`order-service created`), or their own `name`; none: nothing runs by itself
   * @returns timers and handlers that are added from then on run again
   * @example
   * registry.only('refresh rates', 'order-service created')
   */
  only(...names: readonly string[]): Subscription
  /**
   * Runs a timer now, once its service has started, whatever its schedule and `on` say.
   *
   * @returns settles when the run is done; rejects as the run does
   * @throws SidecarError `SIDECAR_TEST_INVALID` if there is no such timer, or more than one
   * @example
   * await registry.fire('nightly')
   */
  fire(timer: string, options?: FireOptions): Promise<void>
}

interface SidecarUnderTest {
  readonly service: string
  readonly runtime: CallRuntime
  ready(): Promise<unknown>
  readonly timers: Map<string, Timer>
}

interface Override {
  readonly of: string | ClientDefinition
  readonly value: unknown
}

export interface OwnedKit {
  readonly kit: TestKit
  /** `sidecar.events.url` of sidecars under test. */
  readonly eventsUrl: string
  close(): void
}

/** @param address of the registry, as the settings of its sidecars have it */
export function createTestKit(address: string): OwnedKit {
  const sidecars: SidecarUnderTest[] = []
  const overrides: Override[] = []
  const named: (readonly string[])[] = []

  const lastOf = (of: Override['of']) => overrides.findLast((override) => override.of === of)
  const replaceCalls = (definition: ClientDefinition, { runtime }: SidecarUnderTest) =>
    definition.replace(runtime, lastOf(definition)?.value as StandIn | undefined)
  const runsByItself = (...names: readonly string[]) =>
    named.length === 0 || named.flat().some((name) => names.includes(name))

  const seam: TestSeam = (parts, ready) => {
    const timers = new Map<string, Timer>()
    const sidecar = { service: parts.settings.application.name ?? '', runtime: parts.runtime, ready, timers }
    sidecars.push(sidecar)
    for (const { of } of overrides) if (typeof of !== 'string') replaceCalls(of, sidecar)
    parts.signal.addEventListener('abort', () => sidecars.splice(sidecars.indexOf(sidecar), 1), { once: true })
    return {
      ...parts,
      resources: withFakes(parts.resources, lastOf),
      host: {
        ...parts.host,
        mayStart: ({ source, type, handler }) => runsByItself(`${source} ${type}`, handler),
      },
      timers: replacing(parts.timers, {
        add(name, schedule, work, options) {
          const timer = runsByItself(name)
            ? parts.timers.add(name, schedule, work, options)
            : parts.timers.add(name, NEVER, work, { ...options, eager: false })
          timers.set(name, timer)
          return timer
        },
      }),
    }
  }
  const seams = processSlot('testSeams', () => new Map())
  seams.set(address, seam)

  function addOverride(override: Override): Subscription {
    overrides.push(override)
    const apply = () => {
      const { of } = override
      if (typeof of !== 'string') for (const sidecar of sidecars) replaceCalls(of, sidecar)
    }
    apply()
    return createSubscription(() => {
      const at = overrides.indexOf(override)
      if (at < 0) return
      overrides.splice(at, 1)
      apply()
    })
  }

  const started = () => Promise.allSettled(sidecars.map(({ ready }) => ready()))
  const events = createTestEvents(address, started)

  const kit: TestKit = {
    ...events.events,
    override(of: string | object, fake: unknown) {
      if (typeof of === 'string') return addOverride({ of, value: fake })
      if (of === undefined || of === null || typeof fake !== 'object' || fake === null)
        throw invalid('override(): expected the name of a resource and a value, or a client and an object of answers')
      const standIn = standInFor(of, fake)
      return addOverride({ of: definitionOf(of)!, value: standIn })
    },
    only(...names) {
      named.push(names)
      return createSubscription(() => void named.splice(named.indexOf(names), 1))
    },
    async fire(name, options = {}) {
      refuseUnknown(options, FIRE, (why) => invalid(`fire("${name}"): ${why}`))
      const { service } = options
      const having = sidecars.filter((one) => one.timers.has(name) && (service ?? one.service) === one.service)
      const services = new Set(having.map((one) => one.service))
      if (services.size > 1) {
        throw invalid(`fire("${name}"): several services have it (${[...services].join(', ')}): add { service }`)
      }
      const [sidecar] = having
      if (!sidecar) {
        const known = sidecars.flatMap((one) => [...one.timers.keys()].map((timer) => `${timer} of ${one.service}`))
        throw invalid(`fire("${name}"): there is no such timer; there are: ${known.join(', ') || 'none'}`)
      }
      await sidecar.ready()
      await sidecar.timers.get(name)!.run()
    },
  }
  return {
    kit,
    eventsUrl: events.url,
    close() {
      seams.delete(address)
      events.close()
      const clients = new Set(overrides.splice(0).map(({ of }) => of))
      for (const of of clients) if (typeof of !== 'string') for (const sidecar of sidecars) replaceCalls(of, sidecar)
    },
  }
}

/** For a timer that does not run by itself. */
const NEVER = { cron: { nextRun: () => null } }

const invalid = (why: string) => new SidecarError('SIDECAR_TEST_INVALID', why)
