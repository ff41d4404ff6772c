import type { AxiosInstance } from 'axios'
import cluster from 'node:cluster'
import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Server as NetServer } from 'node:net'
import type { Duplex } from 'node:stream'
import { inspect, isDeepStrictEqual, type InspectOptions } from 'node:util'
import type { Adapter, AppHooks, MountedApp } from './adapters/adapter.js'
import { findAdapter } from './adapters/find-adapter.js'
import { createHealth } from './adapters/health.js'
import { createGuard, type Guard } from './auth/guard.js'
import { requestContext } from './auth/request-context.js'
import { createServiceCall } from './auth/service-call.js'
import { createDiscovery, createClientRuntime, openSnapshots, type Discovery } from './client-runtime.js'
import type { ServiceDirectory } from './discovery/directory.js'
import { messageOf, SidecarError } from './errors.js'
import type { Emit, SidecarEvents } from './events.js'
import { clientOf } from './feign/define-client.js'
import { setActiveRuntime, type FeignRuntime } from './feign/runtime.js'
import { createAxios } from './http/axios.js'
import { createFetch } from './http/fetch.js'
import { createLifecycle, type LeaveOptions, type Lifecycle } from './lifecycle/lifecycle.js'
import type { ListeningServer } from './lifecycle/listening.js'
import { requestSync } from './lifecycle/request-sync.js'
import { createLogger, type Logger } from './logger.js'
import { connectRegistry } from './nacos/connect.js'
import type { NacosTransport } from './nacos/transport.js'
import { setActiveStore } from './properties/accessors.js'
import { createConfig, type Config } from './properties/config.js'
import { createConfigSnapshots } from './properties/config-snapshots.js'
import { createRemoteConfig, type RemoteConfig } from './properties/remote.js'
import type { PropertyStore } from './properties/store.js'
import { chooseAddress } from './registration/address.js'
import { createInstance, serviceNameOf } from './registration/instance.js'
import { isSame } from './registration/own-entry.js'
import { createPresence } from './registration/presence.js'
import { createRegistrar, type Registrar } from './registration/registrar.js'
import { connectionOf, type ConnectionOptions } from './settings/connection.js'
import { loadSettings } from './settings/load.js'
import type { Settings } from './settings/schema.js'
import type { SidecarInternals, SidecarOptions } from './sidecar-options.js'
import type { SidecarStatus } from './sidecar-status.js'
import type { SnapshotFolder } from './snapshot/folder.js'

/** A process that cannot join and must not stay (`fail-fast`) has this long to end by itself. */
const EXIT_AFTER_MS = 500

/** One member of the mesh: what `initSidecar` and `createSidecar` return. */
export class Sidecar extends EventEmitter<SidecarEvents> {
  readonly settings: Settings
  /** The registry itself, for what the rest of the surface does not cover. */
  readonly nacos: NacosTransport
  readonly discovery: Discovery
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
  readonly runtime: FeignRuntime
  readonly #logger: Logger
  readonly #store: PropertyStore
  readonly #adapter: Adapter | undefined
  readonly #app: MountedApp | undefined
  readonly #directory: ServiceDirectory
  readonly #remote: RemoteConfig
  readonly #guard: Guard
  readonly #lifecycle: Lifecycle
  readonly #configTransport: NacosTransport
  readonly #snapshots: readonly (SnapshotFolder | undefined)[]
  readonly #abort = new AbortController()
  readonly #failFast: boolean
  readonly #processWide: boolean
  #registrar: Registrar | undefined
  #ready = false
  #startError: unknown
  /** Opens the way to the registry: at once, or at `register()`. */
  #allowRegistration = () => {}
  readonly #registrationAllowed = new Promise<void>((resolve) => (this.#allowRegistration = resolve))

  /** A listener of the app that throws harms neither the sidecar nor the other listeners. */
  readonly #emit: Emit = (event, ...args) => {
    const failed = (error: unknown) => this.#logger.error(`a listener of "${event}" threw: ${messageOf(error)}`)
    for (const listener of this.rawListeners(event)) {
      try {
        const result: unknown = Reflect.apply(listener, this, args)
        if (result instanceof Promise) result.catch(failed)
      } catch (error) {
        failed(error)
      }
    }
  }

  /** The synchronous part of a start: when it returns, settings are read and every route is guarded. */
  constructor(app: unknown, options: SidecarOptions & SidecarInternals = {}) {
    super()
    const { configPath, settings: overrides } = options
    const loaded = loadSettings({
      ...(configPath !== undefined && { configPath }),
      ...(overrides && { overrides }),
    })
    const settings = (this.settings = loaded.settings)
    const logger = (this.#logger = options.logger ?? createLogger(settings.logging.level['nacos-sidecar']))
    for (const warning of loaded.warnings) logger.warn(warning)
    this.#store = loaded.store
    if (settings.cloud.nacos.discovery.registerEnabled) serviceNameOf(settings)

    const emit = this.#emit
    const { transport } = options
    const ways = transport
      ? { discovery: transport, config: transport }
      : connectRegistry({ settings, logger, ...this.#registryNews() })
    this.nacos = ways.discovery
    this.#configTransport = ways.config

    const { nacos } = settings.cloud
    const [discovery, config] = [connectionOf(nacos, 'discovery'), connectionOf(nacos, 'config')]
    const keep = (own: ConnectionOptions, of: NacosTransport) => openSnapshots(settings, own, of, logger)
    const services = keep(discovery, this.nacos)
    const documents = isDeepStrictEqual(discovery, config) ? services : keep(config, this.#configTransport)
    this.#snapshots = [services, documents]

    this.runtime = createClientRuntime({ transport: this.nacos, settings, logger, emit, snapshots: services })
    this.#directory = this.runtime.directory
    this.#remote = createRemoteConfig({
      transport: this.#configTransport,
      settings,
      store: this.#store,
      logger,
      emit,
      snapshots: documents && createConfigSnapshots(documents),
    })
    this.discovery = createDiscovery(this.runtime)
    this.fetch = createFetch(() => this.runtime)
    this.axios = createAxios(() => this.runtime)
    this.config = createConfig({
      store: this.#store,
      transport: this.#configTransport,
      namespace: config.namespace,
      group: settings.cloud.nacos.config.group,
      logger,
      emit,
    })

    const code = settings.auth.code ?? settings.application.code
    this.#guard = createGuard({
      settings: settings.auth,
      ...(code !== undefined && { code }),
      ...(options.verify && { verify: options.verify }),
      call: createServiceCall(settings.auth.service ?? '', this.fetch),
      logger,
      signal: this.#abort.signal,
    })
    if (app !== undefined) this.#adapter = findAdapter(app)
    this.#app = this.#adapter?.mount(app, this.#hooks())

    this.#lifecycle = createLifecycle({
      ...(this.#app && { app: this.#app }),
      ...(settings.server.port !== undefined && { serverPort: settings.server.port }),
      drainMs: settings.sidecar.drain,
      deregisterTimeoutMs: settings.sidecar.deregisterTimeout,
      signals: options.signals ?? true,
      logger,
      emit,
      onListening: (found) => this.#join(found),
      registered: () => this.#registrar?.state.listed ?? false,
      deregister: async () => this.#registrar?.stop(),
      shared: () => this.#registrar?.state.shared ?? false,
      deregisterSync: (timeoutMs) => this.#deregisterSync(timeoutMs),
      closeClients: () => this.#close(),
    })
    this.#failFast = settings.cloud.nacos.discovery.failFast || settings.cloud.nacos.config.failFast
    this.#processWide = options.processWide ?? false
    if (this.#processWide) {
      setActiveStore(this.#store, logger)
      setActiveRuntime(this.runtime)
    }
    if (settings.sidecar.registerOn === 'listen') this.#allowRegistration()
    this.ready = this.#start()
    this.ready.catch((error: unknown) => this.#startFailed(error))
  }

  /** Where the sidecar stands. Holds no secret. */
  status(): SidecarStatus {
    const registration = this.#registrar?.state
    return {
      phase: this.#lifecycle.phase,
      instance: this.#registrar?.instance,
      registered: registration?.listed ?? false,
      lastBeatAt: registration?.lastBeatAt === undefined ? undefined : new Date(registration.lastBeatAt),
      lastError: registration?.lastError,
      registry: this.nacos.describe(),
      services: this.#directory.status(),
      documents: this.#store.remoteDocuments.map((document) => document.name),
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
  guard(): ReturnType<Adapter['middleware']> {
    if (this.#adapter) return this.#adapter.middleware((request, url) => this.#guard.check(request, url))
    throw new SidecarError(
      'SIDECAR_APP_UNSUPPORTED',
      'sidecar.guard() needs a framework: pass the app to initSidecar(app), or use sidecar.check(request)',
    )
  }

  /** The guard's decision on a request of plain `node:http`. */
  check(request: IncomingMessage): ReturnType<Guard['check']> {
    return this.#guard.check(request)
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
    return this.#guard.upgrade(request, socket)
  }

  /** Lets the registration begin, where `sidecar.register-on` is `manual`: warm up first, then take calls. */
  register(): void {
    this.#allowRegistration()
  }

  /** Names the app's server, where it is not found by itself. */
  listening(server: NetServer): void {
    this.#lifecycle.listening(server)
  }

  /** Leaves in order: deregister, drain, close the server, close clients. Never rejects; calls share one promise. */
  stop(options?: LeaveOptions): Promise<void> {
    return this.#lifecycle.stop(options)
  }

  /** As it is printed: settings hold passwords, connections hold tokens. */
  toJSON(): SidecarStatus {
    return this.status()
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `Sidecar ${inspect(this.status(), { ...options, depth: null })}`
  }

  // --- the start ---

  async #start(): Promise<this> {
    await this.#remote.load(this.#abort.signal)
    this.#ready = true
    return this
  }

  #startFailed(error: unknown): void {
    // Stopped in the middle of its start, or said already.
    if (this.#startError !== undefined || this.#lifecycle.leaving()) return
    this.#startError = error
    this.#logger.error(messageOf(error))
    process.exitCode = 1
    const stopped = this.stop({ drain: false })
    if (!this.#processWide || !this.#failFast) return
    // A database pool would keep a process alive that serves nobody.
    void stopped.then(() => setTimeout(() => process.exit(), EXIT_AFTER_MS).unref())
  }

  /** The app listens: the instance is registered, with its real port, once the remote configuration is there. */
  #join({ port, host, secure }: ListeningServer): void {
    const { settings } = this
    const { discovery } = settings.cloud.nacos
    if (!discovery.enabled || !discovery.registerEnabled) return
    const { ip, reason, warnings } = chooseAddress(discovery, undefined, host)
    this.#logger.info(`registering ${ip}: ${reason}`)
    for (const warning of warnings) this.#logger.warn(warning)
    const { namespace } = connectionOf(settings.cloud.nacos, 'discovery')
    const instance = createInstance({ settings, namespace, ip, port, secure })
    const self = `${instance.group}@@${instance.service}`
    const registrar = createRegistrar({
      transport: this.nacos,
      instance,
      lastKnown: () => this.#directory.peek(self)?.all.find((one) => isSame(one, instance)),
      ...(cluster.isWorker && {
        presence: createPresence({ instance, servers: this.nacos.describe().servers, logger: this.#logger }),
      }),
      settings: discovery,
      sidecar: settings.sidecar,
      logger: this.#logger,
      emit: this.#emit,
    })
    this.#registrar = registrar
    Promise.all([this.ready, this.#registrationAllowed])
      .then(() => registrar.start())
      .catch((error: unknown) => this.#startFailed(error))
  }

  /** The process ends without a turn of its event loop. */
  #deregisterSync(timeoutMs: number): void {
    const request = this.#registrar?.lastRequest()
    if (!request) return
    const status = requestSync(request, timeoutMs)
    const { server } = this.nacos.describe()
    if (status === 200) this.#logger.info(`deregistered at ${server} at the last moment`)
    else
      this.#logger.warn(
        `cannot deregister at ${server} at the last moment: ${status ?? `no answer in ${timeoutMs} ms`}`,
      )
  }

  async #close(): Promise<void> {
    this.#abort.abort()
    this.#remote.close()
    this.#directory.close()
    await this.runtime.close()
    await Promise.all(this.#snapshots.map((folder) => folder?.close()))
    await Promise.all([this.nacos.close(), this.#configTransport !== this.nacos && this.#configTransport.close()])
  }

  // --- the parts, put together ---

  #hooks(): AppHooks {
    const { auth, sidecar } = this.settings
    const health = createHealth(() => {
      const { registered, lastBeatAt } = this.status()
      const phase = this.#lifecycle.leaving() ? 'leaving' : this.#ready ? 'serving' : 'starting'
      return { phase, registered, ...(lastBeatAt && { lastBeat: lastBeatAt }) }
    })
    return {
      ...(auth.enabled && auth.mount === 'first' && { guard: (request, url) => this.#guard.check(request, url) }),
      health: sidecar.health.enabled ? health : () => undefined,
      ...(sidecar.forwardContext && {
        context: (request, token) => requestContext(request, auth.token, sidecar.versionHeader, token),
      }),
    }
  }

  #registryNews() {
    return {
      onLost: (event: SidecarEvents['registryLost'][0]) => {
        this.#emit('registryLost', event)
        // From here on it tries again and again, and so hears soon when the registry is back, and has forgotten it.
        this.#registrar?.beatNow()
      },
      onFound: (event: SidecarEvents['registryFound'][0]) => this.#emit('registryFound', event),
      // A server that went away and came back may have forgotten it as well.
      onRestored: () => this.#registrar?.beatNow(),
    }
  }
}
