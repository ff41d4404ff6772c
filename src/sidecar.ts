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
import { createAgents, type SidecarAgents } from './http/agent.js'
import { createFetch } from './http/fetch.js'
import { isHttpServer } from './lifecycle/http-server.js'
import type { StartHook, StartHookOptions, StopHook, StopHookOptions } from './lifecycle/hooks.js'
import type { StopOptions } from './lifecycle/lifecycle.js'
import { findPm2, tellReady } from './lifecycle/pm2.js'
import type { Resource, ResourceOptions } from './lifecycle/resource.js'
import type { LogEntry } from './logging.js'
import type { SidecarHost } from './messaging/host.js'
import type { NacosTransport } from './nacos/transport.js'
import type { ProxyOptions } from './proxy/options.js'
import type { ServiceProxy } from './proxy/service-proxy.js'
import type { StatsPeriod } from './observe/operation.js'
import { traced, type TracedOptions, type TracedSpan } from './observe/traced.js'
import type { InstanceChange } from './registration/instance-change.js'
import type { Settings } from './settings/schema.js'
import {
  checkReporter,
  readHooks,
  warnOfUnknownOptions,
  type SidecarInternals,
  type SidecarOptions,
} from './sidecar-options.js'
import { sidecarStatus, type SidecarStatus } from './sidecar-status.js'
import type { TimerSchedule } from './timers/schedule.js'
import type { Timer, TimerOptions, TimerWork } from './timers/timer.js'
import { underTest } from './under-test.js'
import type { Subscription } from './util/subscription.js'
import type { Around, AroundOptions } from './work/arounds.js'
import { mountHandlers, type Mounted, type MountOptions } from './work/handlers.js'

/** One member of the mesh: what `initSidecar` and `createSidecar` return. */
export class Sidecar extends EventEmitter<SidecarEvents> {
  /** Whether the service runs in production: `sidecar.production`, else `NODE_ENV` or a profile. */
  readonly production: boolean
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
   * Agents of `node:http` and `node:https` with logical names, for clients that take one: got, node-fetch, superagent, the
   * AWS SDK. What is no logical name they send as Node's global agents do.
   *
   * @example
   * const users = await got('http://user-service/users', { agent: sidecar.agents }).json()
   */
  readonly agents: SidecarAgents
  /**
   * Settles when the remote configuration has been pulled (or its deadline passed), the start hooks have run, and
   * registration is armed.
   * Not awaiting it is safe: a failure is logged, the sidecar stops and the exit code is 1; with `fail-fast` the
   * process ends.
   */
  readonly ready: Promise<this>

  /** What typed clients need of this sidecar. @internal */
  readonly runtime: CallRuntime
  /** What entries that are loaded by themselves need of this sidecar: the event bus. @internal */
  readonly host: SidecarHost
  readonly #parts: SidecarParts
  readonly #allowRegistration: () => void
  readonly #mounted = new WeakSet<object>()

  /** The synchronous part of a start: when it returns, settings are read and every route is guarded. */
  constructor(app: unknown, options: SidecarOptions & SidecarInternals = {}) {
    super()
    checkReporter(options.statsReporter)
    const hooks = readHooks(options)
    const parts = underTest(compose(app, options, this), () => this.ready)
    const { settings, store, logger, registry, runtime, remote, lifecycle } = parts
    this.#parts = parts
    warnOfUnknownOptions(options, logger)
    this.settings = settings
    this.production = parts.production
    this.nacos = registry.discovery.transport
    this.runtime = runtime
    this.host = parts.host
    this.discovery = createDiscovery(runtime)
    this.fetch = createFetch(() => runtime)
    this.axios = createLazyAxios(() => runtime)
    this.agents = createAgents(() => runtime)
    this.config = parts.config
    if (options.processWide) {
      setActiveStore(store, logger)
      setActiveRuntime(runtime)
    }
    hooks.addTo(this)
    this.ready = remote.load(parts.signal).then(async () => {
      parts.onConfigured()
      await parts.management?.listening
      await lifecycle.hooks.starts.run()
      parts.work.start()
      return this
    })
    this.ready.catch(lifecycle.fail)
    this.#allowRegistration = () => void this.ready.then(lifecycle.allowRegistration, () => {})
    if (settings.sidecar.registerOn === 'listen') this.#allowRegistration()
    if (options.processWide && findPm2()?.waitsForReady) {
      const registers = parts.member.registers && settings.sidecar.registerOn === 'listen'
      const registered = registers ? new Promise((resolve) => this.once('registered', resolve)) : undefined
      void tellReady(Promise.all([this.ready, parts.listening]), registered)
    }
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
    return sidecarStatus({ ...this.#parts, directory: this.runtime.directory, nacos: this.nacos })
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
   * Runs work on a schedule, from the end of the start (start hooks and resources included) until the process leaves: then no further
   * run begins, and one that runs is awaited like a request. Each run is an operation of kind `timer` in figures and traces. One that
   * fails is logged (`timerFailed`), and the next one comes as if it had not. Holds the process as `setInterval` does.
   *
   * @param name for messages, figures and `status()`
   * @param schedule `{ every: '30s' }`, or `{ cron: '0 30 2 * * *', timezone: 'Europe/Berlin' }` with the package croner installed
   * @throws SidecarError `SIDECAR_TIMER_INVALID` for a wrong schedule or option, or a name that is taken; `SIDECAR_STOPPED` while
   * leaving. A run that takes longer than its `timeout` fails with `SIDECAR_TIMER_TIMEOUT`.
   * @example
   * sidecar.timer('refresh rates', { every: '30s' }, ({ signal }) => rates.load({ signal }), { eager: true, timeout: '10s' })
   * sidecar.timer('nightly', { cron: '0 30 2 * * *', timezone: 'Europe/Berlin' }, cleanUp, { on: 'one' })
   */
  timer(name: string, schedule: TimerSchedule, work: TimerWork, options?: TimerOptions): Timer {
    return this.#parts.timers.add(name, schedule, work, options)
  }

  /**
   * Does something before and after each piece of work of the app: a request, an event, a request by messages, a run of a timer. The
   * first one that was added is outermost; the guard comes before all of them, and the sidecar's own pages pass outside. An error before
   * `next()` is the error of the work: the framework answers a request with it. An event or a timer without `next()` is left out; a
   * request without it must be answered by `work.response`.
   *
   * @returns takes it away; work that has begun goes on
   * @throws SidecarError `SIDECAR_AROUND_INVALID` for a wrong option
   * @example
   * sidecar.around(async (work, next) => {
   *   const db = (work.locals.db = await pool.connect())
   *   try {
   *     await db.query('begin')
   *     await next()
   *   } finally {
   *     await db.query(work.failed ? 'rollback' : 'commit').finally(() => db.release())
   *   }
   * })
   * sidecar.around((work, next) => next(), { kinds: ['event', 'timer'], concurrency: 10 })
   */
  around(around: Around, options?: AroundOptions): Subscription {
    return this.#parts.arounds.add(around, options)
  }

  /**
   * Puts the methods of an object to work that have `@on` (of `nacos-sidecar/events`) or `@every`: what `bus.on` and `sidecar.timer` do,
   * with the name of the method as the name of the handler. If one of them is refused, none is at work.
   *
   * @param handlers an instance, with all that its methods need
   * @returns ends them; `ready` settles when their queues are there
   * @throws SidecarError `SIDECAR_MOUNT_INVALID` for what is no instance, has no such method, or is mounted already; what `bus.on`
   * and `sidecar.timer` throw
   * @example
   * sidecar.mount(new Mails(db))
   */
  mount(handlers: object, options: MountOptions = {}): Mounted {
    const { host, timers } = this.#parts
    return mountHandlers(handlers, { host, timers }, options, this.#mounted)
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
   * A gateway line: passes requests on to a service, with the choice of an instance, the retries and the ejection of a call.
   * It fits wherever Express, Fastify, Koa, NestJS or `node:http` take a handler; its WebSockets go the same way. The guard
   * stands before it, as before every route.
   *
   * @param service name of the service, or `group@@name`
   * @throws SidecarError `SIDECAR_PROXY_INVALID` for a wrong option
   * @example
   * app.use('/users', sidecar.proxy('user-service', { rewrite: '/api/users' }))
   * app.register(sidecar.proxy('user-service'), { prefix: '/users' }) // Fastify
   */
  proxy(service: string, options?: ProxyOptions): ServiceProxy {
    return this.#parts.proxies.create(service, options)
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
   * Changes the own instance while it serves: its weight, its metadata, whether it gets calls. Before the registration, the change goes
   * with it; without one, it has no effect.
   *
   * @throws SidecarError `SIDECAR_SETTINGS_INVALID` for a wrong value; rejects as the registry refuses (`SIDECAR_REGISTRY_…`), and with
   * `SIDECAR_NO_INSTANCE` if the instance is switched off in the registry: the change is kept, and goes with the next registration
   * @example
   * await sidecar.update({ weight: 0.1, metadata: { version: '2.1.0', canary: null } })
   */
  update(change: InstanceChange): Promise<void> {
    return this.#parts.member.update(change)
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
