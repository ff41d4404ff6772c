import type { IncomingMessage } from 'node:http'
import type { AppHooks, DirectAnswer, DirectPage } from '../adapters/adapter.js'
import { withoutQuery } from '../auth/route-path.js'
import { isHealthRequest, usualHealthTarget } from '../auth/unguarded.js'
import { messageOf } from '../errors.js'
import type { Logger } from '../logger.js'
import type { SidecarLog } from '../logging.js'
import type { Recorder } from '../observe/recorder.js'
import type { PropertyStore } from '../properties/store.js'
import type { Settings } from '../settings/schema.js'
import { errorAnswer, jsonAnswer } from './answers.js'
import { exposedPages, type PageName } from './exposure.js'
import { createInfoPage, type AboutApp } from './info-page.js'
import { bucketedKinds, liveManagement, type LiveManagement } from './live-settings.js'
import { loggerPage, loggersPage, setLevel } from './loggers-page.js'
import type { Meter } from './meter.js'
import { metricNames, metricPage } from './metrics-page.js'
import { processMeters } from './process-meters.js'
import { createPrometheusPage, type MetricsRegistry } from './prometheus-page.js'
import { readJson } from './request-body.js'
import { requestMeters } from './request-meters.js'
import { createSendings } from './sendings.js'

export interface ActuatorOptions {
  readonly settings: Settings
  readonly store: PropertyStore
  readonly logger: Logger
  readonly log: SidecarLog
  readonly recorder: Recorder
  /** Of the sidecar itself. */
  readonly meters: readonly Meter[]
  /** The service runs in production (util/production.ts). */
  readonly production: boolean
  /** What the app says of itself, before its package.json. @default nothing */
  readonly about?: AboutApp | undefined
  /** The app's own metrics. */
  readonly registry: MetricsRegistry | undefined
  /** The health pages; `undefined` for any other target. */
  readonly health: (method: string, target: string) => DirectPage | undefined
  /** Aborts when the sidecar has stopped. */
  readonly signal: AbortSignal
}

/** Where a request has come in. */
export type Side =
  /** The app's server. */
  | 'app'
  /** `management.server.port` */
  | 'management'

/** The pages of `/actuator`. */
export interface Actuator {
  /** The page for this request target, or `undefined`: then it is the app's. */
  page(side: Side, ...request: Parameters<AppHooks['page']>): DirectPage | undefined
  /** The pattern of what `page` answers, for the figures. */
  patternOf(method: string, target: string): string | undefined
}

/** What follows the base path: the page, and the name of a metric or logger. */
interface Place {
  readonly page: PageName | 'index'
  readonly name: string | undefined
}

const PATH = /^\/(info|metrics|prometheus|loggers)(?:\/([^/]+))?$/
const PATTERNS: Partial<Record<PageName, string>> = { metrics: '/{requiredMetricName}', loggers: '/{name}' }

export function createActuator(options: ActuatorOptions): Actuator {
  const { settings, store, logger, log, recorder, signal } = options
  const { management, auth, application } = settings
  const { basePath } = management.endpoints.web
  const separate = hasOwnPort(settings)
  let live = read()
  const meters: Meter[] = [
    ...requestMeters(recorder, (kind) => live.bounds(kind)),
    ...options.meters,
    ...processMeters(),
  ]
  const info = createInfoPage({
    store,
    application: application.name,
    about: options.about,
    showsInfo: () => live.showsInfo,
  })
  const prometheus = createPrometheusPage({ meters, tags: () => live.tags, registry: options.registry, logger })
  const sendings = createSendings()
  const unwatch = store.watch(() => void (live = read()))
  signal.addEventListener('abort', unwatch, { once: true })

  function read(): LiveManagement {
    const now = liveManagement(store, management, application.name)
    recorder.keepHistograms(bucketedKinds(now))
    return now
  }

  const exposed = (side: Side) => exposedPages(live, auth.enabled || side === 'management')

  function placeOf(target: string): Place | undefined {
    if (!target.startsWith(basePath)) return undefined
    const path = withoutQuery(target)
    if (path.length === basePath.length) return basePath === '' ? undefined : { page: 'index', name: undefined }
    const [, page, name] = PATH.exec(path.slice(basePath.length)) ?? []
    if (page === undefined || (name !== undefined && !(page in PATTERNS))) return undefined
    return { page: page as PageName, name }
  }

  function answer(
    { page, name }: Place,
    request: IncomingMessage,
    target: string,
    side: Side,
    parsed: unknown,
  ): DirectAnswer | Promise<DirectAnswer> {
    const [path = '/', query = ''] = target.split('?', 2)
    if (request.method === 'POST' && page === 'loggers' && name !== undefined)
      return post(decoded(name), request, path, side, parsed)
    if (request.method !== 'GET' && request.method !== 'HEAD') return notAllowed(path)
    switch (page) {
      case 'info':
        return info()
      case 'prometheus':
        return prometheus(request.headers.accept ?? '', path)
      case 'metrics':
        return name === undefined
          ? metricNames(meters)
          : metricPage(meters, decoded(name), new URLSearchParams(query), live.tags, path)
      case 'loggers':
        return name === undefined ? loggersPage(log) : loggerPage(log, decoded(name), path)
      default:
        return jsonAnswer({ _links: linksOf(request, path, exposed(side), settings.sidecar.health.enabled) })
    }
  }

  async function post(
    name: string,
    request: IncomingMessage,
    path: string,
    side: Side,
    parsed: unknown,
  ): Promise<DirectAnswer> {
    const refusal = reasonToRefuse(request, side, auth.enabled, options.production)
    if (refusal) return errorAnswer(403, path, refusal)
    if (!/^application\/(?:[\w.+-]+\+)?json\b/i.test(request.headers['content-type'] ?? ''))
      return errorAnswer(415, path)
    return setLevel(log, name, await readJson(request, parsed), path)
  }

  return {
    page(side, request, response, target) {
      const { method = 'GET' } = request
      const elsewhere = separate && side === 'app'
      const health = options.health(method, usualHealthTarget(target, basePath))
      // `/health` is no page of Spring's: a load balancer asks for it where the app is.
      if (health) return elsewhere && !/^\/health(?:\?|$)/.test(target) ? undefined : health
      const place = placeOf(target)
      if (!place || elsewhere || signal.aborted || management.server.port === -1) return undefined
      if (place.page !== 'index' && !exposed(side).has(place.page)) return undefined
      return async (parsed) => {
        if (!sendings.begin(response))
          return errorAnswer(503, withoutQuery(target), 'Too many answers wait for their readers')
        try {
          return await answer(place, request, target, side, parsed)
        } catch (error) {
          logger.error(`${place.page}: the page could not be made: ${messageOf(error)}`)
          return errorAnswer(500, withoutQuery(target))
        }
      }
    },
    patternOf(method, target) {
      if (isHealthRequest(method, usualHealthTarget(target, basePath))) return withoutQuery(target)
      const place = placeOf(target)
      if (!place) return undefined
      const { page, name } = place
      return page === 'index' ? basePath : `${basePath}/${page}${name === undefined ? '' : PATTERNS[page]}`
    },
  }
}

/** Whether `management.server.port` asks for a server beside the app's. */
export function hasOwnPort({ management, server }: Pick<Settings, 'management' | 'server'>): boolean {
  const { port } = management.server
  return port !== undefined && port >= 0 && (port === 0 || port !== server.port)
}

/** A page in a browser, or any caller where no token is asked for, must not change the log of a service. */
function reasonToRefuse(
  { headers }: IncomingMessage,
  side: Side,
  guarded: boolean,
  production: boolean,
): string | undefined {
  const { origin, host } = headers
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`)
    return 'A page of another origin may not change a level'
  if (headers['sec-fetch-site'] === 'cross-site') return 'A page of another origin may not change a level'
  if (guarded || side === 'management' || !production) return undefined
  return 'In production a level can be changed behind the guard (auth.enabled) or on management.server.port'
}

function linksOf({ headers, socket }: IncomingMessage, path: string, pages: ReadonlySet<PageName>, health: boolean) {
  const { host = '' } = headers
  const scheme = 'encrypted' in socket ? 'https' : 'http'
  const base = (/^[\w.:[\]-]+$/.test(host) ? `${scheme}://${host}` : '') + path
  const link = (href: string, templated = false) => ({ href, templated })
  const links: Record<string, object> = { self: link(base) }
  if (health)
    Object.assign(links, { health: link(`${base}/health`), 'health-path': link(`${base}/health/{*path}`, true) })
  for (const page of pages) {
    links[page] = link(`${base}/${page}`)
    if (page === 'metrics') links['metrics-requiredMetricName'] = link(`${base}/metrics${PATTERNS.metrics}`, true)
    if (page === 'loggers') links['loggers-name'] = link(`${base}/loggers${PATTERNS.loggers}`, true)
  }
  return links
}

const notAllowed = (path: string) => errorAnswer(405, path, undefined, { allow: 'GET, HEAD' })

function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
