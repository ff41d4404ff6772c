import { SidecarError } from '../errors.js'
import { checkOptions } from './check-options.js'
import { invoke } from './invoke.js'
import { checkClient, compileMethod } from './compile.js'
import type { CompiledMethod, MethodSpec } from './method.js'
import type { ClientOptions } from './options.js'
import { activeRuntime } from '../calls/active-runtime.js'
import type { CallRuntime } from '../calls/runtime.js'
import { expectCalls } from '../util/undici.js'

/** Registered symbols: a client decorated by the ESM copy of the package works in the CJS copy too. */
const DEFINITION = Symbol.for('nacos-sidecar/0:client')
const RUNTIME = Symbol.for('nacos-sidecar/0:runtime')

/** What a test puts in place of the calls of a client. */
export type StandIn = (property: string, args: readonly unknown[]) => Promise<unknown>

/** A client class as `@feign` described it, with what was compiled of its methods. */
export class ClientDefinition {
  private readonly compiled = new WeakMap<CallRuntime, Map<MethodSpec, CompiledMethod>>()
  private readonly standIns = new WeakMap<CallRuntime, StandIn>()
  /** Each lets a caller look its method up anew. A client class, or a `defineClient`, has one for each of its methods. */
  private readonly forgetters = new Set<() => void>()

  constructor(readonly options: ClientOptions) {
    checkClient(options)
    expectCalls()
  }

  /** From now on calls through `runtime` go there; `undefined` sends them again. */
  replace(runtime: CallRuntime, standIn: StandIn | undefined): void {
    if (standIn) this.standIns.set(runtime, standIn)
    else this.standIns.delete(runtime)
    for (const forget of this.forgetters) forget()
  }

  standInOf(runtime: CallRuntime): StandIn | undefined {
    return this.standIns.get(runtime)
  }

  method(spec: MethodSpec, property: string, runtime: CallRuntime, forget: () => void): CompiledMethod {
    this.forgetters.add(forget)
    let methods = this.compiled.get(runtime)
    if (!methods) this.compiled.set(runtime, (methods = new Map()))
    let method = methods.get(spec)
    if (!method) methods.set(spec, (method = compileMethod(spec, property, this.options, runtime)))
    return method
  }
}

interface ClientObject {
  readonly [DEFINITION]?: ClientDefinition
  readonly [RUNTIME]?: CallRuntime
}

/** Hangs the definition on a prototype (or on the client itself): instances and subclasses find it by inheritance. */
export function describeClient(target: object, definition: ClientDefinition): void {
  Object.defineProperty(target, DEFINITION, { value: definition, configurable: true })
}

/** Whether a definition hangs on this very object. */
export function isDescribed(target: object): boolean {
  return Object.hasOwn(target, DEFINITION)
}

/** Whether a definition hangs on it, or on what it inherits from. */
export function isClient(target: object): boolean {
  return DEFINITION in target
}

/** The definition behind a class, or behind what `defineClient` returned. */
export function definitionOf(of: object): ClientDefinition | undefined {
  const client = (typeof of === 'function' ? (of as { prototype?: object }).prototype : of) as ClientObject | undefined
  return client?.[DEFINITION]
}

/** Makes the client call through `runtime` instead of the process's own. */
export function bindRuntime<T extends object>(client: T, runtime: CallRuntime): T {
  return Object.defineProperty(client, RUNTIME, { value: runtime, configurable: true })
}

/** Calls `spec` as a method of `client`. */
export type Caller = (client: object, args: readonly unknown[]) => Promise<unknown>

/**
 * Makes the function behind one method, with the last look-up remembered: nearly always the next one's too.
 *
 * @throws SidecarError `SIDECAR_CLIENT_INVALID` for an option that is none
 */
export function createCaller(spec: MethodSpec, property: string): Caller {
  checkOptions(spec.options, property)
  let lastDefinition: ClientDefinition | undefined
  let lastRuntime: CallRuntime | undefined
  let last: CompiledMethod | undefined
  const forget = () => void (last = undefined)
  return (client, args) => {
    try {
      const { [DEFINITION]: definition, [RUNTIME]: own } = client as ClientObject
      const runtime = own ?? activeRuntime()
      if (last === undefined || definition !== lastDefinition || runtime !== lastRuntime) {
        if (definition === undefined) throw undecorated(client, property)
        const standIn = definition.standInOf(runtime)
        if (standIn !== undefined) return standIn(property, args)
        last = definition.method(spec, property, runtime, forget)
        lastDefinition = definition
        lastRuntime = runtime
      }
    } catch (error) {
      return Promise.reject(error as Error)
    }
    return invoke(last, args)
  }
}

function undecorated(client: unknown, property: string): SidecarError {
  const name = (client as { constructor?: { name?: string } } | undefined)?.constructor?.name ?? 'the class'
  return new SidecarError(
    'SIDECAR_CLIENT_INVALID',
    `${name}.${property} is a call, but ${name} has no @feign('service-name') above it`,
  )
}
