import type { AxiosInstance } from 'axios'
import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Server as NetServer } from 'node:net'
import type { Duplex } from 'node:stream'
import { inspect, type InspectOptions } from 'node:util'
import type { HealthStatus } from './adapters/health.js'
import type { Guard } from './auth/guard.js'
import { ownApp, type AppOwner } from './app-owners.js'
import { createDiscovery, type Discovery } from './calls/discovery.js'
import { publishEvent } from './diagnostics.js'
import { SidecarError, messageOf } from './errors.js'
import type { Emit, SidecarEvents } from './events.js'
import { clientOf } from './feign/define-client.js'
import { setActiveRuntime } from './calls/active-runtime.js'
import { createCallRuntime, type CallRuntime } from './calls/runtime.js'
import { guardApp, type GuardedApp } from './guarded-app.js'
import { createAxios } from './http/axios.js'
import { createFetch } from './http/fetch.js'
import { formatDrainHeader } from './drain-header.js'
import { planDrain } from './lifecycle/drain.js'
import { createLifecycle, type StopOptions, type Lifecycle } from './lifecycle/lifecycle.js'
import { isHttpServer } from './lifecycle/http-server.js'
import type { ListeningServer } from './lifecycle/listening.js'
import { createServerProbe } from './lifecycle/server-probe.js'
import { loggerFor } from './log-file.js'
import type { Logger } from './logger.js'
import { createRegistration, type Registration } from './registration.js'
import type { NacosTransport } from './nacos/transport.js'
import { setActiveStore } from './config/accessors.js'
import { createConfig, type Config } from './config/config.js'
import { createRemoteConfig, type RemoteConfig } from './config/remote.js'
import type { PropertyStore } from './properties/store.js'
import { openRegistryClients, type RegistryClients } from './registry-clients.js'
import { loadSettings } from './settings/load.js'
import type { Settings } from './settings/schema.js'
import type { SidecarInternals, SidecarOptions } from './sidecar-options.js'
import type { SidecarStatus } from './sidecar-status.js'
import { callListener } from './util/call-listener.js'

/** A process that cannot join and must not stay (`fail-fast`) has this long to end by itself. */
const EXIT_AFTER_MS = 500

/** To an auth service that is a URL, however many checks are under way: further ones wait for a free connection. */
const AUTH_CONNECTIONS = 64

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
  /** An axios instance with logical names. */
  readonly axios: AxiosInstance
  /**
   * Settles when the remote configuration has been pulled (or its deadline passed) and registration is armed.
   * Not awaiting it is safe: a failure is logged, the sidecar stops and the exit code is 1; with `fail-fast` the
   * process ends.
   */
  readonly ready: Promise<this>

  /** What typed clients need of this sidecar. @internal */
  readonly runtime: CallRuntime
  readonly #logger: Logger
  readonly #store: PropertyStore
  readonly #registry: RegistryClients
  readonly #remote: RemoteConfig
  readonly #app: GuardedApp
  readonly #owner: AppOwner
  readonly #registration: Registration
  readonly #lifecycle: Lifecycle
  readonly #abort = new AbortController()
  readonly #processWide: boolean
  #ready = false
  /** Opens the way to the registry: at once, or at `register()`. */
  #allowRegistration = () => {}
  readonly #registrationAllowed = new Promise<void>((resolve) => (this.#allowRegistration = resolve))

  /** A listener of the app that throws harms neither the sidecar nor the other listeners. */
  readonly #emit: Emit = (event, ...args) => {
    publishEvent(event, args)
    const failed = (error: unknown) => this.#logger.error(`a listener of "${event}" threw: ${messageOf(error)}`)
    for (const listener of this.rawListeners(event)) {
      callListener(() => Reflect.apply(listener, this, args) as unknown, undefined, failed)
    }
  }

  /** The synchronous part of a start: when it returns, settings are read and every route is guarded. */
  constructor(app: unknown, options: SidecarOptions & SidecarInternals = {}) {
    super()
    const { configPath, settings: overrides } = options
    const { settings, store, warnings, notes } = loadSettings({
      ...(configPath !== undefined && { configPath }),
      ...(overrides && { overrides }),
    })
    const logger = loggerFor(settings, options.logger)
    for (const warning of warnings) logger.warn(warning)
    for (const note of notes) logger.info(note)
    this.settings = settings
    this.#store = store
    this.#logger = logger
    const emit = this.#emit
    const common = { settings, store, logger, emit }

    const beatNow = () => this.#registration.beatNow()
    const registry = openRegistryClients({
      ...common,
      transport: options.transport,
      onLost: (event) => {
        emit('registryLost', event)
        // Heartbeats retry from here on: they soon detect that the registry is back and has forgotten the instance.
        beatNow()
      },
      onFound: (event) => emit('registryFound', event),
      // A server that went away and came back may have forgotten it as well.
      onRestored: beatNow,
    })
    this.#registry = registry
    this.nacos = registry.discovery.transport
    this.runtime = createCallRuntime({ ...common, ...registry.discovery })
    this.discovery = createDiscovery(this.runtime)
    this.fetch = createFetch(() => this.runtime)
    this.axios = createAxios(() => this.runtime)
    this.config = createConfig({ ...common, ...registry.config, group: settings.cloud.nacos.config.group })
    this.#remote = createRemoteConfig({ ...common, ...registry.config })

    const registration = createRegistration({ ...common, ...registry.discovery, directory: this.runtime.directory })
    this.#registration = registration
    this.#owner = ownApp(app, settings.auth.enabled && settings.auth.mount === 'first')
    const probe = app === undefined ? undefined : createServerProbe()
    this.#app = guardApp(app, {
      ...common,
      verify: options.verify,
      fetch: createFetch(() => this.runtime, AUTH_CONNECTIONS),
      signal: this.#abort.signal,
      replaced: () => this.#owner.hasOther('guards'),
      health: () => this.#health(),
      onRequest: probe?.onRequest,
    })
    this.#lifecycle = createLifecycle({
      ...(this.#app.mounted && { app: this.#app.mounted }),
      ...(settings.server.port !== undefined && { serverPort: settings.server.port }),
      probe,
      hosts: () => [registration.host() ?? 'localhost'],
      endStreams: settings.sidecar.endStreams,
      drain: planDrain(settings.sidecar.drain, settings.sidecar.leaveTimeout),
      deregisterTimeoutMs: settings.sidecar.deregisterTimeout,
      signals: options.signals ?? true,
      ownsServer: this.#app.mounted !== undefined || registration.registers,
      ...common,
      onSeen: (server) => this.#app.servers?.onServer(server),
      onListening: (found) => {
        this.#app.servers?.onAppServer(found.server)
        return this.#register(found)
      },
      registered: () => registration.state?.listed ?? false,
      deregister: () => registration.deregister(),
      shared: () => registration.state?.shared ?? false,
      drainHeader: (forMs) => registration.instance && formatDrainHeader(registration.instance, forMs),
      deregisterSync: (timeoutMs) => registration.deregisterSync(timeoutMs),
      closeClients: () => this.#close(),
    })
    this.#processWide = options.processWide ?? false
    if (this.#processWide) {
      setActiveStore(store, logger)
      setActiveRuntime(this.runtime)
    }
    if (settings.sidecar.registerOn === 'listen') this.#allowRegistration()
    this.ready = this.#start()
    this.ready.catch((error: unknown) => this.#startFailed(error))
  }

  async #start(): Promise<this> {
    await this.#remote.load(this.#abort.signal)
    this.#ready = true
    return this
  }

  /** The app listens: the instance is registered, with its real port, once the remote configuration is there. */
  #register(server: ListeningServer): Promise<void> {
    if (!this.#registration.attach(server)) return Promise.resolve()
    Promise.all([this.ready, this.#registrationAllowed])
      .then(() => this.#registration.register())
      .catch((error: unknown) => this.#startFailed(error))
    return this.#registration.previousDeregistered
  }

  #startFailed(error: unknown): void {
    // Stopped in the middle of its start, or logged already.
    if (this.#lifecycle.leaving()) return
    this.#logger.error(messageOf(error))
    process.exitCode = 1
    const stopped = this.stop({ drain: false })
    const { discovery, config } = this.settings.cloud.nacos
    if (!this.#processWide || !(discovery.failFast || config.failFast)) return
    // A database pool would keep a useless process alive.
    void stopped.then(() => setTimeout(() => process.exit(), EXIT_AFTER_MS).unref())
  }

  /**
   * Shuts down in order: deregister, drain, close the server, close clients. Never rejects; calls share one promise.
   */
  stop(options?: StopOptions): Promise<void> {
    return this.#lifecycle.stop(options)
  }

  /** The last step of a stop. */
  async #close(): Promise<void> {
    this.#owner.release()
    this.#abort.abort(new SidecarError('SIDECAR_STOPPED', 'the sidecar has stopped'))
    this.#remote.close()
    // A call that gets no answer must not keep the way to the registry open.
    await Promise.all([this.runtime.close(), this.#registry.close()])
  }

  /** Where the sidecar stands. Holds no secret. */
  status(): SidecarStatus {
    const { instance, state: registration } = this.#registration
    return {
      phase: this.#phase,
      instance,
      registered: registration?.listed ?? false,
      lastBeatAt: registration?.lastBeatAt === undefined ? undefined : new Date(registration.lastBeatAt),
      lastError: registration?.lastError,
      registry: this.nacos.describe(),
      services: this.runtime.directory.status(),
      documents: [...new Set(this.#store.remoteDocuments.map((document) => document.name))],
      configs: this.#remote.documents(),
    }
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
    return this.#app.middleware()
  }

  /** The guard's decision on a request of plain `node:http`. */
  check(request: IncomingMessage): ReturnType<Guard['check']> {
    return this.#app.guard.check(request)
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
    return this.#app.guard.upgrade(request, socket)
  }

  /** Lets the registration begin where `sidecar.register-on` is `manual`: warm up first, then take calls. */
  register(): void {
    this.#allowRegistration()
  }

  /**
   * Names the app's server, where it is not found by itself.
   *
   * @throws SidecarError `SIDECAR_AUTH_SETTINGS` for one that `auth.enabled` could not guard: it is none of HTTP.
   */
  listening(server: NetServer): void {
    if (this.#app.servers && !this.#app.mounted && !isHttpServer(server)) {
      throw new SidecarError(
        'SIDECAR_AUTH_SETTINGS',
        'sidecar.listening(server): auth.enabled is true, but the guard can stand in front of HTTP servers only. Set auth.enabled: false, or auth.mount: manual where the app asks sidecar.check(request) itself',
      )
    }
    if (isHttpServer(server)) this.#app.servers?.onAppServer(server)
    this.#lifecycle.listening(server)
  }

  /** As it is printed: settings hold passwords, connections hold tokens. */
  toJSON(): SidecarStatus {
    return this.status()
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `Sidecar ${inspect(this.status(), { ...options, depth: null })}`
  }

  /** One answer for `status()` and the health pages. */
  get #phase(): SidecarStatus['phase'] {
    const { phase } = this.#lifecycle
    return phase === 'serving' && !this.#ready ? 'starting' : phase
  }

  #health(): HealthStatus | undefined {
    // Another sidecar goes on serving the app: its page answers.
    if (this.#lifecycle.leaving() && (this.#lifecycle.shared() || this.#owner.hasOther('serves'))) return undefined
    const { registered, lastBeatAt } = this.status()
    // A request that arrives came by a server, be it one that was not found.
    const phase = this.#lifecycle.leaving() ? 'leaving' : this.#ready ? 'serving' : 'starting'
    return { phase, registered, ...(lastBeatAt && { lastBeat: lastBeatAt }) }
  }
}
