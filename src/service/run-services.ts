import { setTimeout as wait } from 'node:timers/promises'
import { codeOf, SidecarError } from '../errors.js'
import { reasonNotToDrain } from '../lifecycle/drain.js'
import { shutDownOnSignals } from '../lifecycle/signals.js'
import type { ApplicationOptions, RunningService, RunOptions, Service } from './definition.js'
import { isService } from './is-service.js'

/** Options of `runServices`, for all of them. */
export interface RunServicesOptions extends Omit<ApplicationOptions, 'isolated'> {
  /** Address to listen on. @default `server.address` of each, else every address */
  readonly host?: string
  /** `true` starts them side by side. @default false: one after the other, so that a later one may call those before it */
  readonly together?: boolean
}

/** Services that run. */
export interface RunningServices extends AsyncDisposable {
  /** In the order in which they were given. */
  readonly services: readonly RunningService[]
  /** Stops them in reverse order, each once the one after it has left. Never rejects; calls share one promise. */
  stop(options?: { readonly drain?: boolean }): Promise<void>
}

/** What a stop hook under way gets after a second signal. */
const LAST_MS = 1_000

/**
 * Runs several services in this process, each with a sidecar and a port of its own: for tests and small deployments. A service listens on
 * the `server.port` of its own `settings` or `configPath`, else on a free port. If one cannot start, all are stopped. On a signal they
 * leave in reverse order, and the process ends.
 *
 * `config()`, clients made with `new` and `currentService()` know one sidecar in a process: services that run here use what
 * `setup(app, sidecar)` is given.
 *
 * @throws SidecarError what `run()` of the first that failed throws
 * @example
 * await using all = await runServices([orders, billing], { settings: registry.settings() })
 * const response = await fetch(`${all.services[0].url}/orders/7`)
 */
export function runServices(...services: readonly Service[]): Promise<RunningServices>
export function runServices(services: readonly Service[], options?: RunServicesOptions): Promise<RunningServices>
export async function runServices(
  ...[first, second, ...rest]: readonly (Service | readonly Service[] | RunServicesOptions | undefined)[]
): Promise<RunningServices> {
  const several = Array.isArray(first)
  const services = (several ? first : [first, second, ...rest].filter((one) => one !== undefined)) as readonly unknown[]
  if (services.length === 0 || !services.every(isService)) {
    throw new SidecarError(
      'SIDECAR_SERVICE_INVALID',
      'runServices: expected services of defineService: runServices(a, b), or runServices([a, b], { settings })',
    )
  }
  const { together = false, signals = true, ...options } = ((several ? second : undefined) ?? {}) as RunServicesOptions
  const runOptions: RunOptions & { readonly anyPort: true } = {
    ...options,
    ...{ signals: false, isolated: true, anyPort: true },
  }
  /** Those that it starts: one that runs already is none of its own. */
  const own = new Set<Service>()
  const run = async (service: Service) => {
    const isFirst = !own.has(service)
    own.add(service)
    try {
      return await service.run(runOptions)
    } catch (error) {
      if (isFirst && codeOf(error) === 'SIDECAR_ALREADY_STARTED') own.delete(service)
      throw error
    }
  }
  const noMoreSignals = signals ? leaveOnSignals() : () => {}
  let stopped: Promise<void> | undefined

  async function stopAll(drain: boolean): Promise<void> {
    for (const service of [...own].reverse()) await service.stop({ drain })
    noMoreSignals()
  }
  const hurry = () => Promise.all([...own].map((service) => service.stop({ drain: false })))

  function stop({ drain = true }: { readonly drain?: boolean } = {}): Promise<void> {
    // A second stop without a drain ends the drains of the first.
    if (stopped && !drain) void hurry()
    return (stopped ??= stopAll(drain))
  }

  function leaveOnSignals(): () => void {
    return shutDownOnSignals({
      shutDown: (signal) => stop({ drain: reasonNotToDrain(signal) === undefined }),
      onSecondSignal: async () => void (await Promise.race([hurry(), wait(LAST_MS)])),
    })
  }

  try {
    const running = together ? await allOf(services.map(run)) : await inOrder(services, run)
    return { services: running, stop, [Symbol.asyncDispose]: () => stop() }
  } catch (error) {
    await stop({ drain: false })
    throw error
  }
}

async function inOrder(
  services: readonly Service[],
  run: (service: Service) => Promise<RunningService>,
): Promise<RunningService[]> {
  const running: RunningService[] = []
  for (const service of services) running.push(await run(service))
  return running
}

/** Every start has ended before the first failure is thrown: then all can be stopped. */
async function allOf(starts: readonly Promise<RunningService>[]): Promise<RunningService[]> {
  await Promise.allSettled(starts)
  return Promise.all(starts)
}
