import type { EventEmitter } from 'node:events'
import { createActuator, hasOwnPort } from './actuator/actuator.js'
import { managementMetadata } from './actuator/management-metadata.js'
import { openManagementServer, type ManagementServer } from './actuator/management-server.js'
import { createSidecarMeters } from './actuator/sidecar-meters.js'
import { createAlerts } from './alerts/alerts.js'
import { createHealth, type HealthComponents, type HealthStatus } from './adapters/health.js'
import { ownApp, type AppOwner } from './app-owners.js'
import { createCallRuntime, type CallRuntime } from './calls/runtime.js'
import { createConfig, type Config } from './config/config.js'
import { warnOfStartOnly } from './config/start-only.js'
import { createRemoteConfig, type RemoteConfig } from './config/remote.js'
import { SidecarError } from './errors.js'
import { createEmit, type Emit, type SidecarEvents } from './events.js'
import { guardApp, type GuardedApp } from './guarded-app.js'
import { createFetch } from './http/fetch.js'
import { hostPort, isSameInstance, serviceKeyText } from './instance.js'
import { planDrain } from './lifecycle/drain.js'
import { createFirstRequest } from './lifecycle/first-request.js'
import type { Hooks, HookStatus } from './lifecycle/hooks.js'
import { createLifecycle, type Lifecycle } from './lifecycle/lifecycle.js'
import { createResources, type Resources } from './lifecycle/resources.js'
import { createServerProbe } from './lifecycle/server-probe.js'
import type { Logger } from './logger.js'
import { openLog, type SidecarLog } from './logging.js'
import { createObservation, type Observation } from './observe/observation.js'
import { observeDocuments, observeLookup } from './observe/observed-registry.js'
import { observeServers } from './observe/server-requests.js'
import { observeRequests } from './observe/served-requests.js'
import type { PropertyStore } from './properties/store.js'
import { createMember, type Member } from './registration/member.js'
import { openRegistryClients, type RegistryClients } from './registry-clients.js'
import { loadSettings } from './settings/load.js'
import type { Settings } from './settings/schema.js'
import type { SidecarInternals, SidecarOptions } from './sidecar-options.js'
import { unknownApis } from './tracing/registered-api.js'
import { appListens } from './util/undici.js'

/** The parts of one sidecar. */
export interface SidecarParts {
  readonly settings: Settings
  readonly store: PropertyStore
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
  readonly config: Config
  readonly resources: Resources
  /** Calls back when the app has answered its first request. */
  onFirstRequest(callback: () => void): void
  /** `undefined` without `management.server.port`. */
  readonly management: ManagementServer | undefined
  /** Aborts when the sidecar has stopped. */
  readonly signal: AbortSignal
}

/** Of the last report of figures and the last alerts: less than the step of the leave that closes clients may take. */
const LAST_WORDS_MS = 800
/** Concurrent requests to an auth service that is a URL; further ones wait for a free connection. */
const AUTH_CONNECTIONS = 64

/** Builds the parts, each from those before it. When it returns, settings are read and every route is guarded. */
export function compose(
  app: unknown,
  options: SidecarOptions & SidecarInternals,
  emitter: EventEmitter<SidecarEvents>,
): SidecarParts {
  const { configPath, settings: overrides } = options
  const { settings, store, warnings, notes } = loadSettings({ configPath, overrides })
  const log = openLog(settings, options.logger)
  const { logger } = log
  log.followLevel(store)
  warnOfStartOnly(store, logger)
  for (const warning of warnings) logger.warn(warning)
  for (const note of notes) logger.info(note)
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
    metadata: () => managementMetadata(settings, management),
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

  const stopped = new AbortController()
  const owner = ownApp(app, auth.enabled && auth.mount === 'first')
  const lifecycle = createLifecycle({
    member,
    endStreams: sidecar.endStreams,
    drain: planDrain(sidecar),
    leaveTimeoutMs: sidecar.leaveTimeout,
    deregisterTimeoutMs: sidecar.deregisterTimeout,
    signals: options.signals,
    exitOnFailure: options.processWide && (discovery.failFast || config.failFast),
    logger,
    emit,
    async closeClients() {
      owner.release()
      // What reports the last figures may send them by the sidecar's own clients.
      await Promise.all([observation.close(LAST_WORDS_MS), alerts.close(LAST_WORDS_MS)])
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
  const health = createHealth(() => healthOf(lifecycle, remote, member, owner, resources))
  const actuator = createActuator({
    ...{ ...common, log, recorder, meters: own.meters, registry: options.metricsRegistry },
    ...{ health: sidecar.health.enabled ? health : () => undefined, signal: stopped.signal },
  })
  const figures = observeRequests(recorder, observation.requests, actuator.patternOf)
  let onFirstRequest = () => {}
  const observeFirst = sidecar.registerOn === 'request' ? createFirstRequest(() => onFirstRequest()) : undefined
  const observe: typeof figures = observeFirst
    ? (served) => {
        figures(served)
        observeFirst(served)
      }
    : figures
  const guarded = guardApp(app, {
    ...common,
    verify: options.verify,
    fetch: createFetch(() => runtime, AUTH_CONNECTIONS),
    signal: stopped.signal,
    replaced: () => owner.hasOther('guards'),
    page: (...request) => actuator.page('app', ...request),
    healthPath: settings.management.endpoints.web.basePath,
    onRequest: probe?.onRequest,
    recorder,
    observe,
  })
  const observeServer = app === undefined && !guarded.servers ? observeServers(observe, stopped.signal) : undefined
  const management = hasOwnPort(settings)
    ? openManagementServer({
        settings: settings.management.server,
        page: (...request) => actuator.page('management', ...request),
        logger,
      })
    : undefined
  lifecycle.start({
    app: guarded.mounted,
    serverPort: settings.server.port,
    probe,
    onSeen: guarded.servers?.onServer,
    onListening(server) {
      guarded.servers?.onAppServer(server)
      observeServer?.(server)
      appListens()
    },
  })
  return {
    ...common,
    log,
    registry,
    observation,
    runtime,
    remote,
    member,
    app: guarded,
    lifecycle,
    config: ownConfig,
    resources,
    onFirstRequest: (callback) => void (onFirstRequest = callback),
    management,
    signal: stopped.signal,
  }
}

/** @returns `undefined` if another sidecar goes on serving the app: then its page answers */
function healthOf(
  lifecycle: Lifecycle,
  remote: RemoteConfig,
  { state }: Member,
  owner: AppOwner,
  resources: Resources,
): HealthStatus | undefined {
  const leaving = lifecycle.leaving()
  if (leaving && (lifecycle.shared() || owner.hasOther('serves'))) return undefined
  return {
    // The app serves, even if its server was not found: the request came by one.
    phase: leaving ? 'leaving' : remote.loaded && lifecycle.hooks.starts.done ? 'serving' : 'starting',
    registered: state?.listed ?? false,
    lastBeat: state?.lastBeatAt === undefined ? undefined : new Date(state.lastBeatAt),
    components: (which) => componentsOf(lifecycle.hooks, resources, which),
  }
}

/** The resources of the app, and its hooks where it has any. */
async function componentsOf(
  { starts, stops }: Hooks,
  resources: Resources,
  which?: 'readiness',
): Promise<HealthComponents> {
  const checked = await resources.check(which)
  const own = checked.map(
    ({ name, status, reason }) => [name, { status, ...(reason && { details: { reason } }) }] as const,
  )
  if (which) return Object.fromEntries(own)
  const hooks = [...starts.status(), ...stops.status()]
  const named = (state: HookStatus['state']) => hooks.filter((hook) => hook.state === state).map(({ name }) => name)
  const [failed, running] = [named('failed'), named('running')]
  const status = failed.length > 0 ? 'DOWN' : 'UP'
  const all = hooks.length > 0 ? [['hooks', { status, details: { failed, running } }] as const, ...own] : own
  return Object.fromEntries(all)
}
