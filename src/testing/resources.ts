import { SidecarError } from '../errors.js'
import type { Resource, ResourceOptions } from '../lifecycle/resource.js'
import type { Resources } from '../lifecycle/resources.js'
import { replacing } from './replacing.js'

/** What stands in for a resource, by its name: `undefined` if nothing does. */
export type FakeOf = (name: string) => { readonly value: unknown } | undefined

/** `undefined`: it was not started, as there was a fake when it should have been. */
type Started<T> = { readonly value: T } | undefined

/** Resources that give out a fake for as long as there is one. One that has a fake at the start is not started. */
export function withFakes(resources: Resources, fakeOf: FakeOf): Resources {
  return replacing(resources, {
    provide<T>(name: string, options: ResourceOptions<T>) {
      if (typeof options?.start !== 'function') return resources.provide(name, options)
      const real = resources.provide<Started<T>>(name, startedUnlessFaked(name, options, fakeOf))
      const fakeOr = <R>(use: (value: T) => R, otherwise: () => R) => {
        const fake = fakeOf(name)
        return fake ? use(fake.value as T) : otherwise()
      }
      const itself = (value: T) => value
      const ready = real.ready.then((started) => fakeOr(itself, () => valueOf(name, started)))
      ready.catch(() => {})
      return {
        name,
        ready,
        get value() {
          return fakeOr(itself, () => valueOf(name, real.value))
        },
        use: (work) =>
          fakeOr(
            async (fake) => work(fake),
            () => real.use((started) => work(valueOf(name, started))),
          ),
      } satisfies Resource<T>
    },
  })
}

function startedUnlessFaked<T>(name: string, options: ResourceOptions<T>, fakeOf: FakeOf): ResourceOptions<Started<T>> {
  const { stop, kill, health, reload, readiness, timeout } = options
  return {
    start: async (config, context) => (fakeOf(name) ? undefined : { value: await options.start(config, context) }),
    ...(stop && {
      stop:
        typeof stop === 'function' ? (started, context) => started && stop.call(options, started.value, context) : stop,
    }),
    ...(kill && {
      kill: typeof kill === 'function' ? (started) => started && kill.call(options, started.value) : kill,
    }),
    ...(health && {
      health:
        typeof health === 'function'
          ? (started, context) => (fakeOf(name) || !started ? true : health.call(options, started.value, context))
          : health,
    }),
    ...(reload !== undefined && { reload }),
    ...(readiness !== undefined && { readiness }),
    ...(timeout !== undefined && { timeout }),
  }
}

function valueOf<T>(name: string, started: Started<T>): T {
  if (started) return started.value
  throw new SidecarError(
    'SIDECAR_RESOURCE_UNAVAILABLE',
    `the resource "${name}" was not started, because a test had overridden it; that override has ended`,
  )
}
