import type { AlertsStatus } from '../alerts/alerts.js'
import type { GuardCounts } from '../auth/guard.js'
import type { OutlierStatus } from '../balance/outlier-detector.js'
import type { ServiceSnapshot } from '../discovery/snapshot.js'
import type { LogEntry } from '../logging.js'
import type { OperationStats, StatsPeriod } from '../observe/operation.js'
import { masked } from '../properties/secrets.js'
import type { PropertyStore } from '../properties/store.js'
import type { RegistrationState } from '../registration/member.js'
import type { Settings } from '../settings/schema.js'
import type { SidecarStatus } from '../sidecar-status.js'
import { mask } from '../util/secrets.js'
import { createRates } from './rates.js'
import { ejectedOf, maskedMetadata, servicesOf } from './service-lists.js'
import { OWN_PATTERN } from './path.js'
import type { ConfigReport } from '../pages/config-report.js'
import type {
  AlertsReport,
  ConnectionsReport,
  GuardReport,
  OperationReport,
  RegistrationReport,
  RegistryReport,
  StatusReport,
} from '../pages/status-report.js'
import type { EventsReport, TimerReport } from '../pages/work-report.js'

/** What a report is made of; each is asked when one is made. */
export interface StatusFacts {
  readonly settings: Settings
  readonly store: PropertyStore
  readonly production: boolean
  /** Interval of heartbeats, as the settings have it. */
  readonly heartbeatMs: number
  /** False: the settings want no instance registered. */
  readonly registers: boolean
  /** The app decides on tokens itself. */
  readonly verifies: boolean
  status(): SidecarStatus
  registration(): RegistrationState | undefined
  addressReason(): string | undefined
  registries(): readonly RegistryReport[]
  snapshots(): readonly (ServiceSnapshot | undefined)[]
  outliers(): readonly OutlierStatus[]
  stats(): StatsPeriod
  log(): readonly LogEntry[]
  alerts(): AlertsStatus
  guardCounts(): GuardCounts
  connections(): ConnectionsReport
}

/** A report is read every few seconds. */
const MAX_KEYS = 1_000
const MAX_LINES = 200
const MAX_TIMERS = 500
const MAX_HANDLERS = 500

/** A report, and the secrets that are to be hidden in it. */
export interface UnmaskedReport {
  readonly report: StatusReport
  readonly secrets: readonly string[]
}

/** Makes reports. */
export function createReportBuilder(facts: StatusFacts): () => UnmaskedReport {
  const { settings, store } = facts
  const startedAt = facts.stats().from
  const rates = createRates(performance.now() - (Date.now() - startedAt.getTime()))
  let known: {
    readonly documents: unknown
    readonly config: ConfigReport['keys']
    omitted: number
    secrets: readonly string[]
  }
  /** What the documents say, until they change. */
  function keys() {
    const { remoteDocuments: documents } = store
    if (known?.documents !== documents) {
      const { properties, omitted, secrets } = store.list(MAX_KEYS)
      const config = properties.map(({ key, value, origin }) => ({ key, value, ...origin }))
      known = { documents, config, omitted, secrets }
    }
    return known
  }

  return () => {
    const { config, omitted, secrets } = keys()
    const status = facts.status()
    const outliers = facts.outliers()
    // Those of the page itself would be the most frequent ones where it is looked at.
    const operations = facts.stats().operations.filter(({ name }) => !name.endsWith(OWN_PATTERN))
    const perSecond = rates(operations)
    const report: StatusReport = {
      version: 1,
      at: new Date().toISOString(),
      application: settings.application.name,
      process: {
        ...{ pid: process.pid, node: process.versions.node, startedAt: startedAt.toISOString() },
        ...{ production: facts.production, profiles: store.profiles },
      },
      phase: status.phase,
      registration: registrationOf(facts, status),
      registries: facts.registries().map((registry) => masked([], registry) as RegistryReport),
      services: servicesOf(status.services, facts.snapshots(), outliers),
      ejected: outliers.map(ejectedOf),
      operations: operations.map((operation) => operationOf(operation, perSecond(operation))),
      config: { documents: status.configs, keys: config, omitted },
      hooks: status.hooks,
      events: status.events.map(eventsOf),
      timers: status.timers.slice(0, MAX_TIMERS).map(timerOf),
      resources: status.resources.map((one) => ({ ...one, startedAt: one.startedAt?.toISOString() })),
      alerts: alertsOf(facts.alerts()),
      guard: guardOf(facts),
      connections: facts.connections(),
      log: facts
        .log()
        .slice(-MAX_LINES)
        .map((line) => ({ ...line, time: line.time.toISOString() })),
    }
    return { report, secrets }
  }
}

function registrationOf(
  facts: StatusFacts,
  { instance, registered, lastBeatAt, lastError }: SidecarStatus,
): RegistrationReport {
  const state = facts.registration()
  const { transport } = facts.settings.cloud.nacos
  return {
    registers: facts.registers,
    phase: state?.phase ?? 'idle',
    registered,
    instance: instance && { ...instance, metadata: maskedMetadata(instance) },
    addressReason: facts.addressReason(),
    registerOn: facts.settings.sidecar.registerOn,
    heartbeat: {
      by: transport === 'grpc' ? 'connection' : 'heartbeat',
      intervalMs: facts.heartbeatMs,
      lastAt: lastBeatAt?.toISOString(),
      ageMs: lastBeatAt && Math.max(0, Date.now() - lastBeatAt.getTime()),
      failures: state?.failures ?? 0,
      lastError: lastError === undefined ? undefined : mask(lastError),
    },
  }
}

function operationOf(operation: OperationStats, perSecond: number): OperationReport {
  const { kind, name, count, errors, attempts, p50, p99, max, errorSamples } = operation
  const { code, status } = errorSamples.at(-1) ?? {}
  const lastError = code ?? (status === undefined ? undefined : String(status))
  return { kind, name, count, errors, attempts, perSecond, p50, p99, max, lastError }
}

function timerOf({ nextAt, lastBeganAt, ...timer }: SidecarStatus['timers'][number]): TimerReport {
  return { ...timer, nextAt: nextAt?.toISOString(), lastBeganAt: lastBeganAt?.toISOString() }
}

function eventsOf({ handlers, ...bus }: SidecarStatus['events'][number]): EventsReport {
  return { ...bus, handlers: handlers.slice(0, MAX_HANDLERS) }
}

function alertsOf({ enabled, rules, current, recent }: AlertsStatus): AlertsReport {
  const factsOf = ({
    rule,
    subject,
    message,
    since,
  }: AlertsStatus['current'][number] | AlertsStatus['recent'][number]) => ({
    ...{ rule, subject, message: mask(message), since: since.toISOString() },
  })
  return {
    ...{ enabled, rules },
    current: current.map((one) => ({ ...factsOf(one), raised: one.raised })),
    recent: recent.map((one) => ({ ...factsOf(one), status: one.status, at: one.at.toISOString() })),
  }
}

function guardOf({ settings: { auth }, verifies, guardCounts }: StatusFacts): GuardReport {
  const { enabled, mount, service, excludePaths, failOpen, cacheTtl, maxPending } = auth
  return {
    ...{ enabled, mount, decidedBy: verifies ? 'verify' : service && mask(service), excludePaths },
    ...{ failOpen, cacheTtlMs: cacheTtl, maxPending, counts: guardCounts() },
  }
}
