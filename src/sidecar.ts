import type { AxiosInstance } from 'axios'
import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Server as NetServer } from 'node:net'
import type { Duplex } from 'node:stream'
import { inspect, type InspectOptions } from 'node:util'
import type { Guard } from './auth/guard.js'
import { setActiveRuntime } from './calls/active-runtime.js'
import { createDiscovery, type Discovery } from './calls/discovery.js'
import type { CallRuntime } from './calls/runtime.js'
import { compose, type SidecarParts } from './compose.js'
import { setActiveStore } from './config/accessors.js'
import type { Config } from './config/config.js'
import { SidecarError } from './errors.js'
import type { SidecarEvents } from './events.js'
import { clientOf } from './feign/define-client.js'
import type { GuardedApp } from './guarded-app.js'
import { createLazyAxios } from './http/lazy-axios.js'
import { createFetch } from './http/fetch.js'
import { isHttpServer } from './lifecycle/http-server.js'
import type { StartHook, StartHookOptions, StopContext, StopHook, StopHookOptions } from './lifecycle/hooks.js'
import type { StopOptions } from './lifecycle/lifecycle.js'
import type { Resource, ResourceOptions } from './lifecycle/resource.js'
import type { LogEntry } from './logging.js'
import type { NacosTransport } from './nacos/transport.js'
import type { StatsPeriod } from './observe/operation.js'
import { traced, type TracedOptions, type TracedSpan } from './observe/traced.js'
import type { Settings } from './settings/schema.js'
import { checkReporter, hooksOf, type SidecarInternals, type SidecarOptions } from './sidecar-options.js'
import type { SidecarStatus } from './sidecar-status.js'
import type { Subscription } from './util/subscription.js'

/** One member of the mesh: what `initSidecar` and `createSidecar` return. */
export class Sidecar extends EventEmitter<SidecarEvents> {
  /** bootstrap.yml with every default filled in; frozen. */
  readonly settings: Settings
  /** The registry itself, for what the rest of the surface does not cover. */
  readonly nacos: NacosTransport
  /** The services of the registry and their instances. */
  readonly discovery: Discovery
  /** Properties of the environment, Nacos and bootstrap.yml, live. */
  readonly config: Config
  /** `fetch` with logical names: `http://user-service/users/1`. The caller's token and trace travel along. */
  readonly fetch: typeof globalThis.fetch
  /** An axios instance with logical names. Its first use loads axios. */
  readonly axios: AxiosInstance
  /**
   * Settles when the remote configuration has been pulled (or its deadline passed), the start hooks have run, and
   * registration is armed.
   * Not awaiting it is safe: a failure is logged, the sidecar stops and the exit code is 1; with `fail-fast` the
   * process ends.
   */
  readonly ready: Promise<this>

  /** What typed clients need of this sidecar. @internal */
  readonly runtime: CallRuntime
  readonly #parts: SidecarParts
  readonly #allowRegistration: () => void

  /** The synchronous part of a start: when it returns, settings are read and every route is guarded. */
  constructor(app: unknown, options: SidecarOptions & SidecarInternals = {}) {
    super()
    checkReporter(options.statsReporter)
    const [onStart, onStop] = [hooksOf('onStart', options.onStart), hooksOf('onStop', options.onStop)]
    const parts = compose(app, options, this)
    const { settings, store, logger, registry, runtime, remote, lifecycle } = parts
    this.#parts = parts
    this.settings = settings
    this.nacos = registry.discovery.transport
    this.runtime = runtime
    this.discovery = createDiscovery(runtime)
    this.fetch = createFetch(() => runtime)
    this.axios = createLazyAxios(() => runtime)
    this.config = parts.config
    if (options.processWide) {
      setActiveStore(store, logger)
      setActiveRuntime(runtime)
    }
    for (const hook of onStart) this.onStart(({ signal }) => hook({ signal, sidecar: this }), optionsOf(hook))
    for (const hook of onStop) {
      // `killed` may change while the hook runs.
      const withSidecar = (context: StopContext) => ({
        signal: context.signal,
        get killed() {
          return context.killed
        },
        sidecar: this,
      })
      this.onStop((context) => hook(withSidecar(context)), optionsOf(hook))
    }
    this.ready = remote.load(parts.signal).then(async () => {
      await parts.management?.listening
      await lifecycle.hooks.starts.run()
      return this
    })
    this.ready.catch(lifecycle.fail)
    this.#allowRegistration = () => void this.ready.then(lifecycle.allowRegistration, () => {})
    if (settings.sidecar.registerOn === 'listen') this.#allowRegistration()
    parts.onFirstRequest(() => {
      logger.info('the first request was answered: registering (sidecar.register-on)')
      this.#allowRegistration()
    })
  }

  /**
   * Shuts down in order: deregister, drain, close the server, close clients. Never rejects; calls share one promise.
   */
  stop(options?: StopOptions): Promise<void> {
    return this.#parts.lifecycle.stop(options)
  }

  /** Where the sidecar stands. Holds no secret. */
  status(): SidecarStatus {
    const { lifecycle, member, remote, resources, store } = this.#parts
    const { instance, state } = member
    const { starts, stops } = lifecycle.hooks
    const starting = lifecycle.phase === 'serving' && !(remote.loaded && starts.done)
    return {
      phase: starting ? 'starting' : lifecycle.phase,
      instance,
      registered: state?.listed ?? false,
      lastBeatAt: state?.lastBeatAt === undefined ? undefined : new Date(state.lastBeatAt),
      lastError: state?.lastError,
      registry: this.nacos.describe(),
      services: this.runtime.directory.status(),
      documents: [...new Set(store.remoteDocuments.map((document) => document.name))],
      configs: remote.documents(),
      hooks: [...starts.status(), ...stops.status()],
      resources: resources.status(),
    }
  }

  /**
   * The figures of each operation since the start: requests served, calls, look-ups, documents, checks of tokens. Holds no
   * payload and no secret. The event `period` has those of each `sidecar.observe.period`.
   *
   * @example
   * const slow = sidecar.stats().operations.filter(({ kind, p99 }) => kind === 'server' && p99 > 500)
   */
  stats(): StatsPeriod {
    return this.#parts.observation.stats()
  }

  /**
   * Runs an operation of the app's own: a figure of kind `custom`, and a span below the active one where an SDK of
   * OpenTelemetry is registered. Calls inside are its children.
   *
   * @param name of few values: what is done, not with what
   * @param work its span needs no `end`
   * @returns what the work returns
   * @throws what the work throws; its code, never its message, marks the span and the figures
   * @example
   * const prices = await sidecar.traced(
   *   'load prices',
   *   async (span) => {
   *     const rows = await db.query(PRICES)
   *     span.setAttribute('rows', rows.length)
   *     return rows
   *   },
   *   { tags: { currency: 'EUR' } },
   * )
   */
  traced<T>(name: string, work: (span: TracedSpan) => Promise<T> | T, options?: TracedOptions): Promise<T> {
    return traced(this.#parts.observation.recorder, name, work, options)
  }

  /**
   * The last 500 lines of its log, oldest first: at and above `logging.level.nacos-sidecar`, whatever the logger does with
   * them. Holds no secret.
   *
   * @example
   * const problems = sidecar.recentLog().filter(({ level }) => level === 'error')
   */
  recentLog(): readonly LogEntry[] {
    return this.#parts.log.recent()
  }

  /**
   * Runs `hook` once the remote configuration is loaded and before the registration; the next one, and the registration,
   * wait for its promise. One that fails, or is not done in time, ends the start: it is logged, `ready` rejects, the
   * sidecar stops, and the exit code is 1. One that is added after `ready` runs at once.
   *
   * @returns takes the hook away, if it has not run
   * @throws SidecarError `SIDECAR_HOOK_INVALID` for a wrong option, and once the registration has begun;
   * `SIDECAR_STOPPED` while leaving. `ready` rejects with `SIDECAR_START_FAILED`.
   * @example
   * sidecar.onStart(({ signal }) => prices.load({ signal }), { name: 'load prices', timeout: '20s' })
   */
  onStart(hook: StartHook, options?: StartHookOptions): Subscription {
    return this.#parts.lifecycle.hooks.onStart(hook, options)
  }

  /**
   * Runs `hook` when the process leaves, before the sidecar's own clients close; the next one waits for its promise. Hooks
   * run in reverse order of their addition, also after a start that failed. `when: 'after-drain'`, the default: the server
   * is closed and no request is in progress. `when: 'before-deregister'`: first of all. One that fails, or is not done in
   * time, is logged and stops nothing. After a second signal those that have not begun are called at once, with
   * `killed: true`, and all together have a second. No hook runs if the process crashes or calls `process.exit()`.
   *
   * @returns takes the hook away
   * @throws SidecarError `SIDECAR_HOOK_INVALID` for a wrong option; `SIDECAR_STOPPED` if the hooks of this moment have run
   * @example
   * sidecar.onStop(({ killed }) => (killed ? socket.destroy() : pool.end()), { name: 'close the pool', timeout: '5s' })
   */
  onStop(hook: StopHook, options?: StopHookOptions): Subscription {
    return this.#parts.lifecycle.hooks.onStop(hook, options)
  }

  /**
   * Something the app uses for as long as it runs. It is started with the start hooks, in the order of their addition, and
   * stopped with the stop hooks, in reverse. When a value changes that `reload` names, a new one is started and used; the
   * old one is stopped when its work is done. If the new one cannot be started, the old one stays in use (`resourceFailed`).
   * One that is added once the process serves is started at once.
   *
   * @throws SidecarError `SIDECAR_HOOK_INVALID` for a wrong option, or a name that is taken; `SIDECAR_STOPPED` while leaving
   * @example
   * const db = sidecar.provide('db', {
   *   start: (config) => new Pool({ connectionString: config('db.url', ''), max: config('db.pool-size', 10) }),
   *   stop: (pool) => pool.end(),
   *   health: (pool) => pool.query('select 1'),
   *   reload: 'db',
   * })
   * app.get('/prices', async (request, response) => response.json(await db.use((pool) => pool.query(PRICES))))
   */
  provide<T>(name: string, options: ResourceOptions<T>): Resource<T> {
    return this.#parts.resources.provide(name, options)
  }

  /**
   * A typed client that calls through this sidecar, where a process has more than one.
   *
   * @param of a class with `@feign` above it, or what `defineClient` returned.
   * @throws SidecarError `SIDECAR_CLIENT_INVALID`
   * @example
   * const users = sidecar.client(UserClient)
   */
  client<T extends object>(of: (new () => T) | T): T {
    return clientOf(of, this.runtime)
  }

  /**
   * The guard as middleware of the app's framework, for `auth.mount: manual`.
   *
   * @throws SidecarError `SIDECAR_APP_UNSUPPORTED` without an app.
   */
  guard(): ReturnType<GuardedApp['middleware']> {
    return this.#parts.app.middleware()
  }

  /** The guard's decision on a request of plain `node:http`. */
  check(request: IncomingMessage): ReturnType<Guard['check']> {
    return this.#parts.app.guard.check(request)
  }

  /**
   * The guard's decision on a WebSocket upgrade, which passes no middleware; with `socket`, a refusal is answered.
   *
   * @example
   * server.on('upgrade', async (request, socket, head) => {
   *   if ((await sidecar.guardUpgrade(request, socket)).allowed) wss.handleUpgrade(request, socket, head, accept)
   * })
   */
  guardUpgrade(request: IncomingMessage, socket?: Duplex): ReturnType<Guard['upgrade']> {
    return this.#parts.app.guard.upgrade(request, socket)
  }

  /**
   * Lets the registration begin where `sidecar.register-on` is `manual`: warm up first, then take calls. It begins anew
   * where `sidecar.register-retries` are used up.
   */
  register(): void {
    this.#allowRegistration()
  }

  /**
   * Names the app's server, where it is not found by itself.
   *
   * @throws SidecarError `SIDECAR_AUTH_SETTINGS` for one that `auth.enabled` could not guard: it is none of HTTP.
   */
  listening(server: NetServer): void {
    const { app, lifecycle } = this.#parts
    if (app.servers && !app.mounted && !isHttpServer(server)) {
      throw new SidecarError(
        'SIDECAR_AUTH_SETTINGS',
        'sidecar.listening(server): auth.enabled is true, but the guard can stand in front of HTTP servers only. Set auth.enabled: false, or auth.mount: manual if the app calls sidecar.check(request) itself',
      )
    }
    if (isHttpServer(server)) app.servers?.onAppServer(server)
    lifecycle.listening(server)
  }

  /** As it is printed: settings hold passwords, connections hold tokens. */
  toJSON(): SidecarStatus {
    return this.status()
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `Sidecar ${inspect(this.status(), { ...options, depth: null })}`
  }
}

const optionsOf = ({ name }: { readonly name: string }) => (name ? { name } : {})
