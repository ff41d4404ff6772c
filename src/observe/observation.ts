import { hostname } from 'node:os'
import { isEventWatched } from '../diagnostics.js'
import type { Emit, SidecarEvents } from '../events.js'
import type { LogFields, Logger } from '../logger.js'
import type { PropertyStore } from '../properties/store.js'
import type { Settings } from '../settings/schema.js'
import { followSettings } from '../config/follow-settings.js'
import { observe } from '../settings/schema/observe.js'
import type { StatsPeriod } from './operation.js'
import { createPeriods } from './periods.js'
import { Recorder } from './recorder.js'
import { RequestLog } from './request-log.js'
import { createReporting, type StatsReporter } from './reporting.js'
import { createStardustReporter } from './stardust-reporter.js'

/** The figures of one sidecar. */
export interface Observation {
  readonly recorder: Recorder
  /** The access log, and the event `request`. */
  readonly requests: RequestLog
  /** All operations since the start. */
  stats(): StatsPeriod
  /** Of the requests served since the start, for alerts. */
  counts(): { readonly requests: number; readonly errors: number }
  /** Ends the last period and reports it, within the time. Never rejects. */
  close(withinMs: number): Promise<void>
}

export interface ObservationOptions {
  readonly settings: Pick<Settings, 'sidecar' | 'application'>
  readonly store: PropertyStore
  readonly logger: Logger
  /** Writes a line of the access log. */
  readonly writeAccess: (line: string, fields: LogFields) => void
  readonly emit: Emit
  /** Whether the app listens to an event. */
  readonly hasListener: (event: keyof SidecarEvents) => boolean
  /** The app's own. */
  readonly reporter: StatsReporter | undefined
  /** That of this process, once it is known. */
  readonly address: () => string | undefined
}

export function createObservation(options: ObservationOptions): Observation {
  const { settings, logger, emit } = options
  const reporters = [options.reporter, collectorOf(options)].filter((one) => one !== undefined)
  const recorder = new Recorder(settings.sidecar.observe)
  const reportings = reporters.map((reporter) => createReporting({ reporter, logger }))
  const requests = new RequestLog({
    rules: settings.sidecar.observe,
    write: options.writeAccess,
    heard: () => options.hasListener('request') || isEventWatched('request'),
    emit: (request) => emit('request', request),
  })
  const since = new Date()
  const periods = createPeriods({
    recorder,
    periodMs: settings.sidecar.observe.period,
    onPeriod(period) {
      emit('period', period)
      for (const reporting of reportings) reporting.add(period)
    },
  })
  const configure = (changed: typeof settings.sidecar.observe) => {
    recorder.configure(changed)
    requests.configure(changed)
    periods.setLength(changed.period)
  }
  followSettings(observe, 'sidecar.observe', options, configure, settings.sidecar.observe)
  return {
    recorder,
    requests,
    counts: () => recorder.counts('server'),
    stats: () => ({ from: since, to: new Date(), operations: recorder.stats() }),
    async close(withinMs) {
      periods.close()
      await Promise.all(reportings.map((reporting) => reporting.close(withinMs)))
    },
  }
}

/** What `sidecar.observe.report` names. */
function collectorOf({ settings, address }: ObservationOptions): StatsReporter | undefined {
  const { url, secret, appId = settings.application.name ?? '' } = settings.sidecar.observe.report
  if (url === undefined) return undefined
  const clientId = () => `${address() ?? hostname()}@${process.pid}`
  return createStardustReporter({ url, appId, secret, clientId })
}
