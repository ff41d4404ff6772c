import type { EventEmitter } from 'node:events'
import { createActuator, hasOwnPort } from './actuator/actuator.js'
import { managementMetadata } from './actuator/management-metadata.js'
import { openManagementServer, type ManagementServer } from './actuator/management-server.js'
import { createSidecarMeters } from './actuator/sidecar-meters.js'
import { createAlerts } from './alerts/alerts.js'
import { createHealth } from './adapters/health.js'
import { ownApp } from './app-owners.js'
import { createCallRuntime, type CallRuntime } from './calls/runtime.js'
import { createConfig, type Config } from './config/config.js'
import { warnOfStartOnly } from './config/start-only.js'
import { createRemoteConfig, type RemoteConfig } from './config/remote.js'
import { isFirstInstance } from './discovery/first-instance.js'
import { SidecarError } from './errors.js'
import { createEmit, type Emit, type SidecarEvents } from './events.js'
import { guardApp, type GuardedApp } from './guarded-app.js'
import { createFetch } from './http/fetch.js'
import { hostPort, isSameInstance, serviceKeyText } from './instance.js'
import { planDrain } from './lifecycle/drain.js'
import { createFirstRequest } from './lifecycle/first-request.js'
import { createLifecycle, type Lifecycle } from './lifecycle/lifecycle.js'
import { findPm2, leaveTimeoutUnder } from './lifecycle/pm2.js'
import { createResources, type Resources } from './lifecycle/resources.js'
import { createServerProbe } from './lifecycle/server-probe.js'
import type { Logger } from './logger.js'
import { openLog, type SidecarLog } from './logging.js'
import type { SidecarHost } from './messaging/host.js'
import { createObservation, type Observation } from './observe/observation.js'
import { observeDocuments, observeLookup } from './observe/observed-registry.js'
import { observeServers } from './observe/server-requests.js'
import { observeRequests } from './observe/served-requests.js'
import type { PropertyStore } from './properties/store.js'
import { createTimers, type Timers } from './timers/timers.js'
import { createProxies, type Proxies } from './proxy/proxies.js'
import { createMember, type Member } from './registration/member.js'
import { healthOf } from './own-health.js'
import { ownPages } from './own-pages.js'
import { openRegistryClients, type RegistryClients } from './registry-clients.js'
import { loadSettings } from './settings/load.js'
import type { Settings } from './settings/schema.js'
import type { SidecarInternals, SidecarOptions } from './sidecar-options.js'
import { statusFacts } from './status-facts.js'
import { createStatusPage } from './status-page/status-page.js'
import { unknownApis } from './tracing/registered-api.js'
import { isProduction } from './util/production.js'
import { keepTickClass } from './util/tick-class.js'
import { appListens } from './util/undici.js'
import { createAroundRequests } from './work/around-requests.js'
import { aroundServers } from './work/around-servers.js'
import { createArounds, type Arounds } from './work/arounds.js'
import { createWorkRunner, type WorkSources } from './work/runner.js'
import type { WorkRunner } from './work/work.js'

/** The parts of one sidecar. */
export interface SidecarParts {
  readonly settings: Settings
  readonly store: PropertyStore
  /** The service runs in production. */
  readonly production: boolean
  readonly logger: Logger
  readonly log: SidecarLog
  readonly emit: Emit
  readonly registry: RegistryClients
  readonly observation: Observation
  readonly runtime: CallRuntime
  readonly remote: RemoteConfig
  readonly member: Member
  readonly app: GuardedApp
  readonly lifecycle: Lifecycle
  /** Settles when the app listens for the first time. */
  readonly listening: Promise<void>
  readonly config: Config
  readonly resources: Resources
  readonly arounds: Arounds
  readonly work: WorkRunner & WorkSources
  readonly timers: Timers
  readonly host: SidecarHost
  /** To be called when the configuration of Nacos is loaded. */
  onConfigured(): void
  readonly proxies: Proxies
  /** Calls back when the app has answered its first request. */
  onFirstRequest(callback: () => void): void
  /** `undefined` without `management.server.port`. */
  readonly management: ManagementServer | undefined
  /** Aborts when the sidecar has stopped. */
  readonly signal: AbortSignal
}

/** For sending the last figures and alerts: less than the step of the leave that closes clients may take. */
const FINAL_REPORTS_MS = 800
/** Concurrent requests to an auth service that is a URL; further ones wait for a free connection. */
const AUTH_CONNECTIONS = 64

/** Builds the parts, each from those before it. When it returns, settings are read and every route is guarded. */
export function compose(
  app: unknown,
  options: SidecarOptions & SidecarInternals,
  emitter: EventEmitter<SidecarEvents>,
): SidecarParts {
  keepTickClass()
  const { configPath, settings: overrides } = options
  const { settings, store, warnings, notes } = loadSettings({ configPath, overrides })
  const log = openLog(settings, options.logger)
  const { logger } = log
  log.followLevel(store)
  warnOfStartOnly(store, logger)
  for (const warning of warnings) logger.warn(warning)
  for (const note of notes) logger.info(note)
  const production = isProduction({ said: settings.sidecar.production, profiles: store.profiles })
  for (const major of unknownApis())
    logger.debug(
      `OpenTelemetry's API ${major}.x is in use; spans are made for 1.x only, and traces are passed on as they come`,
    )
  const tell = createEmit(emitter, logger)
  const alerts = createAlerts({
    settings: settings.sidecar.alerts,
    logger,
    source: () => ({
      service: settings.application.name ?? '',
      instance: member.instance && hostPort(member.instance),
      namespace: registry.discovery.namespace,
    }),
    counts: () => observation.counts(),
    counted: settings.sidecar.observe.enabled,
    leaving: () => lifecycle.leaving(),
  })
  const emit: Emit = (event, ...args) => {
    tell(event, ...args)
    alerts.onEvent(event, ...args)
    own.onEvent(event, ...args)
    if (event === 'closing') proxies.endTunnels()
  }
  const common = { settings, store, logger, emit }
  const { auth, sidecar } = settings
  const { discovery, config } = settings.cloud.nacos
  const own = createSidecarMeters({
    group: discovery.group,
    facts: () => ({
      phase: lifecycle.phase,
      registered: member.state?.listed ?? false,
      connected: registry.discovery.transport.describe().connected,
      lastBeatAt: member.state?.lastBeatAt === undefined ? undefined : new Date(member.state.lastBeatAt),
      services: runtime.directory.status(),
      ejected: runtime.routes.ejected(),
      documents: remote.documents().map(({ state }) => state),
    }),
  })

  const registry = openRegistryClients({ settings, logger, transport: options.transport })
  const observation = createObservation({
    ...common,
    reporter: options.statsReporter,
    writeAccess: log.access,
    hasListener: (event) => emitter.listenerCount(event) > 0,
    address: () => member.instance?.ip,
  })
  const { recorder } = observation
  const lookup = observeLookup(registry.discovery.transport, discovery.group, recorder)
  const documents = { ...registry.config, transport: observeDocuments(registry.config.transport, recorder) }
  const runtime = createCallRuntime({ ...common, ...registry.discovery, transport: lookup, recorder })
  const remote = createRemoteConfig({ ...common, ...documents })
  const member = createMember({
    ...common,
    ...registry.discovery,
    metadata: () => ({ ...versionMetadata(options.about), ...managementMetadata(settings, management) }),
    lastKnown: (own) => runtime.directory.peek(serviceKeyText(own))?.all.find((one) => isSameInstance(one, own)),
  })
  registry.listen({
    onLost(event) {
      emit('registryLost', event)
      // From now on it retries, so it notices soon when the registry is back and has forgotten the instance.
      member.beatNow()
    },
    onFound: (event) => emit('registryFound', event),
    // A server that went away and came back may have forgotten the instance as well.
    onRestored: () => member.beatNow(),
  })

  const arounds = createArounds()
  const work = createWorkRunner(recorder, arounds)
  const isFirst = () => isFirstInstance(member.state?.listed ? member.instance : undefined, runtime.directory)
  const timers = createTimers({ work, logger, emit, isFirstInstance: isFirst })
  work.add(timers)
  let onConfigured = () => {}
  const configured = new Promise<void>((resolve) => (onConfigured = resolve))
  const host = { ...common, recorder, work, configured, buses: new Map(), connections: new Map() }
  const stopped = new AbortController()
  const owner = ownApp(app, auth.enabled && auth.mount === 'first')
  const leaveTimeout = leaveTimeoutUnder(findPm2(), sidecar.leaveTimeout)
  const lifecycle = createLifecycle({
    member,
    background: work,
    endStreams: sidecar.endStreams,
    drain: planDrain({ ...sidecar, leaveTimeout }),
    leaveTimeoutMs: leaveTimeout,
    deregisterTimeoutMs: sidecar.deregisterTimeout,
    signals: options.signals,
    production,
    exitOnFailure: options.processWide && (discovery.failFast || config.failFast),
    logger,
    emit,
    async closeClients() {
      owner.release()
      // What reports the last figures may send them by the sidecar's own clients.
      await Promise.all([observation.close(FINAL_REPORTS_MS), alerts.close(FINAL_REPORTS_MS)])
      stopped.abort(new SidecarError('SIDECAR_STOPPED', 'the sidecar has stopped'))
      remote.close()
      // A call that gets no answer must not keep the connections to the registry open.
      await Promise.all([runtime.close(), registry.close()])
      // Until here it said that the process leaves.
      await management?.close()
    },
  })
  const ownConfig = createConfig({ store, logger, emit, ...documents, group: config.group })
  const resources = createResources(lifecycle.hooks, { config: ownConfig, logger, emit })
  const probe = app === undefined ? undefined : createServerProbe()
  const health = createHealth(() => healthOf({ lifecycle, remote, member, owner, resources }))
  const actuator = createActuator({
    ...{ ...common, log, recorder, meters: own.meters, registry: options.metricsRegistry },
    ...{ health: sidecar.health.enabled ? health : () => undefined, signal: stopped.signal, production },
    about: options.about,
  })
  const statusPage = createStatusPage({
    ...{ settings, store, logger, production, signal: stopped.signal },
    decide: (...request) => guarded.guard.check(...request),
    facts: statusFacts({
      ...{ settings, store, log, alerts, registry, observation, runtime, remote, member, lifecycle, resources, timers },
      ...{ host, production, verifies: options.verify !== undefined },
      ...{ guarded: () => guarded, managementPort: () => management?.port },
    }),
  })
  const pages = ownPages(settings, actuator, statusPage)
  const figures = observeRequests(recorder, observation.requests, pages.patternOf)
  let onFirstRequest = () => {}
  const observeFirst = sidecar.registerOn === 'request' ? createFirstRequest(() => onFirstRequest()) : undefined
  const observe: typeof figures = observeFirst
    ? (served) => {
        figures(served)
        observeFirst(served)
      }
    : figures
  const around = createAroundRequests(arounds, logger)
  const guarded = guardApp(app, {
    ...common,
    around,
    verify: options.verify,
    // Tokens of callers go there: never to a host that has the name of the service.
    fetch: createFetch(() => runtime, { names: 'service', agent: { connections: AUTH_CONNECTIONS } }),
    signal: stopped.signal,
    replaced: () => owner.hasOther('guards'),
    page: pages.app,
    healthPath: settings.management.endpoints.web.basePath,
    onRequest: probe?.onRequest,
    recorder,
    observe,
  })
  const proxies = createProxies({ runtime, settings, app, mounted: guarded.mounted })
  const observeServer = app === undefined && !guarded.servers ? observeServers(observe, stopped.signal) : undefined
  const aroundServer = app === undefined && !guarded.servers ? aroundServers(arounds, around) : undefined
  const management = hasOwnPort(settings)
    ? openManagementServer({
        settings: settings.management.server,
        page: pages.management,
        logger,
      })
    : undefined
  let onFirstListening = () => {}
  const listening = new Promise<void>((resolve) => (onFirstListening = resolve))
  lifecycle.start({
    app: guarded.mounted,
    serverPort: settings.server.port,
    probe,
    onSeen(server) {
      guarded.servers?.onServer(server)
      proxies.onServer(server)
    },
    onListening(server) {
      guarded.servers?.onAppServer(server)
      proxies.onAppServer(server)
      observeServer?.(server)
      aroundServer?.(server)
      appListens()
      onFirstListening()
    },
  })
  return {
    ...common,
    production,
    log,
    registry,
    observation,
    runtime,
    remote,
    member,
    app: guarded,
    lifecycle,
    listening,
    config: ownConfig,
    resources,
    arounds,
    work,
    timers,
    host,
    onConfigured,
    proxies,
    onFirstRequest: (callback) => void (onFirstRequest = callback),
    management,
    signal: stopped.signal,
  }
}

/** For `feign.client.<name>.version` and the header of a caller: the settings go before it. */
function versionMetadata(about: SidecarInternals['about']): Record<string, string> {
  return about?.version === undefined ? {} : { version: about.version }
}
