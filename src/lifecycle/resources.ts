import type { SidecarError } from '../errors.js'
import { invalidHook, type Hooks } from './hooks.js'
import { createResource, startFailed, type OwnedResource, type ResourceParts } from './owned-resource.js'
import type { Resource, ResourceOptions, ResourceStatus } from './resource.js'
import { timeoutOf } from '../util/duration.js'
import { inTime } from '../util/in-time.js'
import { refuseUnknown, type OptionNames } from '../util/unknown-option.js'

/** The resources of one sidecar. */
export interface Resources {
  /**
   * @throws SidecarError `SIDECAR_HOOK_INVALID` for a wrong option, or a name that is taken; `SIDECAR_STOPPED` while leaving
   */
  provide<T>(name: string, options: ResourceOptions<T>): Resource<T>
  /** As they were last seen, in the order of their addition. */
  status(): readonly ResourceStatus[]
  /** After a check of their health; with `readiness`, only of those that count for it. */
  check(which?: 'readiness'): Promise<readonly ResourceStatus[]>
}

const OPTIONS: OptionNames<ResourceOptions<unknown>> = {
  ...{ start: true, stop: true, kill: true, health: true, reload: true, readiness: true, timeout: true },
}
const START_MS = 30_000
const STOP_MS = 10_000
/** What the lifecycle grants beyond the times that a resource keeps itself. */
const GRACE_MS = 500

/** Resources start with the start hooks, in the order of their addition, and stop with the stop hooks, in reverse. */
export function createResources(hooks: Hooks, parts: ResourceParts): Resources {
  const { logger, emit } = parts
  const all = new Map<string, OwnedResource<unknown>>()

  function add(name: string, startMs: number, stopMs: number, resource: OwnedResource<unknown>): void {
    const title = `resource "${name}"`
    const late = hooks.starts.closed
    if (!late) {
      const start = (signal: AbortSignal) => resource.start(signal)
      hooks.starts.add({ title, name, timeoutMs: startMs, run: start, resource: true })
    }
    const stop = { title, name, when: 'after-drain', timeoutMs: 2 * stopMs + GRACE_MS, resource: true } as const
    hooks.stops.add({ ...stop, run: (context) => resource.stop(context) })
    all.set(name, resource)
    if (late) void startLate(title, name, startMs, resource)
  }

  /** The process serves already: it goes on without. */
  async function startLate(title: string, name: string, startMs: number, resource: OwnedResource<unknown>) {
    try {
      await inTime(startMs, [], (signal) => resource.start(signal))
    } catch (error) {
      logger.error(`${title} cannot be started: ${resource.status.error ?? resource.status.reason}`)
      emit('resourceFailed', { name, error: startFailed(name, error) })
    }
  }

  return {
    provide<T>(name: string, options: ResourceOptions<T>) {
      if (typeof options?.start !== 'function') throw invalid(name, 'start is a function')
      if (typeof name !== 'string' || name === '') throw invalid(String(name), 'a name is a text that is not empty')
      refuseUnknown(options, OPTIONS, (why) => invalid(name, why))
      for (const part of ['stop', 'kill', 'health'] as const) {
        if (!['function', 'undefined'].includes(typeof options[part])) throw invalid(name, `${part} is a function`)
      }
      if (!['boolean', 'undefined'].includes(typeof options.readiness))
        throw invalid(name, 'readiness is true or false')
      if (![options.reload ?? []].flat().every((key) => typeof key === 'string' && key !== ''))
        throw invalid(name, 'reload is a key, or a list of keys')
      if (all.has(name)) throw invalid(name, 'this name is taken')
      const what = `sidecar.provide(): timeout of "${name}"`
      const startMs = timeoutOf(what, options.timeout, START_MS, invalidHook)
      const stopMs = timeoutOf(what, options.timeout, STOP_MS, invalidHook)
      const resource = createResource(name, options, { startMs, workMs: startMs, stopMs }, parts)
      add(name, startMs, stopMs, resource as OwnedResource<unknown>)
      return resource.handle
    },
    status: () => [...all.values()].map(({ status }) => status),
    check: (which) =>
      Promise.all([...all.values()].filter(({ readiness }) => readiness || !which).map((resource) => resource.check())),
  }
}

function invalid(name: string, why: string): SidecarError {
  return invalidHook(`sidecar.provide("${name}"): ${why}`)
}
