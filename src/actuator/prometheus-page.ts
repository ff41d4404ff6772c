import { setImmediate } from 'node:timers/promises'
import type * as PrometheusClient from 'prom-client'
import type { Registry, RegistryContentType } from 'prom-client'
import type { DirectAnswer } from '../adapters/adapter.js'
import { messageOf } from '../errors.js'
import type { Logger } from '../logger.js'
import { processSlot } from '../process-state.js'
import { errorAnswer, textAnswer } from './answers.js'
import { familiesOf, type Family } from './families.js'
import type { Meter, Tags } from './meter.js'

/**
 * A registry of prom-client, as `new Registry()` makes one: its metrics are on `/actuator/prometheus` too.
 *
 * @example
 * import { Registry } from 'prom-client'
 * const metricsRegistry = new Registry()
 * initSidecar(app, { metricsRegistry })
 */
export interface MetricsRegistry {
  getMetricsAsJSON(): Promise<readonly object[]>
  getSingleMetric(name: string): unknown
}

export interface PrometheusPageOptions {
  readonly meters: readonly Meter[]
  /** Of every metric. */
  readonly tags: () => Tags
  /** The app's own. @default prom-client's `register` */
  readonly registry: MetricsRegistry | undefined
  readonly logger: Logger
}

type PromClient = typeof PrometheusClient

/** What the page says of one metric. */
type Described = Omit<Family, 'lines'>

const TEXT = 'text/plain; version=0.0.4; charset=utf-8'
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
/** How long the event loop is kept in one go. */
const SLICE_MS = 4
/** Lines that are written at once. */
const CHUNK = 100
/** One of prom-client's default metrics: where the app has it, it has them all. */
const A_DEFAULT = 'process_cpu_user_seconds_total'
/** Gauges whose names say that they count; `nodejs_active_resources` and its like hold the same. */
const MISNAMED = /^nodejs_active_\w+_total$/

/**
 * The page of all meters and of the metrics of prom-client, in Prometheus' text format or in OpenMetrics, written by
 * prom-client in slices. Requests that come while one is written get that one.
 */
export function createPrometheusPage(
  options: PrometheusPageOptions,
): (accept: string, path: string) => Promise<DirectAnswer> {
  const { logger, meters } = options
  const writing = new Map<string, Promise<Buffer>>()
  const warned = new Set<string>()
  let client: Promise<PromClient | undefined> | undefined

  const warnOnce = (message: string) => {
    if (!warned.has(message)) logger.warn(message)
    warned.add(message)
  }

  /** A metric of the app's whose `collect` fails takes only the app's own from the page. */
  async function exported(registry: MetricsRegistry): Promise<readonly (Described & { values: readonly object[] })[]> {
    try {
      return (await registry.getMetricsAsJSON()) as (Described & { values: readonly object[] })[]
    } catch (error) {
      warnOnce(`/actuator/prometheus is without the metrics of the registry of prom-client: ${messageOf(error)}`)
      return []
    }
  }

  async function write(prom: PromClient, openMetrics: boolean): Promise<Buffer> {
    const own = options.registry ?? prom.register
    const page = createWriter(prom, options.tags(), openMetrics)
    for (const metric of await exported(own)) await page.add(metric, metric.values)
    if (own.getSingleMetric(A_DEFAULT) === undefined) {
      for (const metric of await exported(defaultMetrics(prom)))
        if (!MISNAMED.test(metric.name)) await page.add(metric, metric.values)
    }
    for (const meter of meters) for (const family of familiesOf(meter)) await page.add(family, family.lines())
    return page.end()
  }

  return async (accept, path) => {
    const prom = await (client ??= loadPromClient())
    if (!prom) {
      warnOnce('/actuator/prometheus needs the package prom-client: npm install prom-client')
      return errorAnswer(404, path, 'This page needs the package prom-client: npm install prom-client')
    }
    const contentType = prefersOpenMetrics(accept) ? OPEN_METRICS : TEXT
    let page = writing.get(contentType)
    if (!page) {
      page = write(prom, contentType === OPEN_METRICS).finally(() => writing.delete(contentType))
      writing.set(contentType, page)
    }
    return textAnswer(await page, contentType)
  }
}

/** Writes metric after metric, each name once; the event loop turns in between. */
function createWriter(prom: PromClient, tags: Tags, openMetrics: boolean) {
  const registry: Registry<RegistryContentType> = new prom.Registry()
  registry.setContentType(openMetrics ? prom.openMetricsContentType : prom.prometheusContentType)
  registry.setDefaultLabels(tags)
  const parts: Buffer[] = []
  const names = new Set<string>()
  let until = performance.now() + SLICE_MS

  async function textOf(described: Described, values: readonly object[]): Promise<string> {
    const metric = { ...described, values, get: () => Promise.resolve(metric) }
    registry.registerMetric(metric as unknown as Parameters<typeof registry.registerMetric>[0])
    const text = await registry.getSingleMetricAsString(described.name)
    registry.removeSingleMetric(described.name)
    return `${text}\n`
  }

  return {
    /** Two metrics of one name would make a page that Prometheus refuses: the first one counts. */
    async add({ help, type, ...given }: Described, values: Iterable<object>): Promise<void> {
      const name = openMetrics && type === 'counter' ? given.name.replace(/_total$/, '') : given.name
      if (names.has(name)) return
      names.add(name)
      let chunk: object[] = []
      let begun = false
      const flush = async () => {
        const text = await textOf({ name, help, type }, chunk)
        // HELP and TYPE once.
        parts.push(Buffer.from(begun ? text.slice(text.indexOf('\n', text.indexOf('\n') + 1) + 1) : text))
        begun = true
        chunk = []
        if (performance.now() < until) return
        await setImmediate()
        until = performance.now() + SLICE_MS
      }
      for (const value of values) if (chunk.push(value) >= CHUNK) await flush()
      if (chunk.length > 0) await flush()
    },
    end(): Buffer {
      if (openMetrics) parts.push(Buffer.from('# EOF\n'))
      return Buffer.concat(parts)
    },
  }
}

/** Node's own, once for a process; the app may register them at any time in its registry. */
function defaultMetrics(prom: PromClient): MetricsRegistry {
  return processSlot('defaultMetrics', () => {
    const register = new prom.Registry()
    prom.collectDefaultMetrics({ register })
    return register
  })
}

/** `undefined` where it is not installed. */
async function loadPromClient(): Promise<PromClient | undefined> {
  try {
    const loaded = (await import('prom-client')) as PromClient & { readonly default?: PromClient }
    return loaded.default ?? loaded
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}

/** Prometheus asks for both, with weights. */
function prefersOpenMetrics(accept: string): boolean {
  const weightOf = (type: RegExp) => {
    const [range] = accept.split(',').filter((one) => type.test(one.trim()))
    return range === undefined ? 0 : Number(/;\s*q=([\d.]+)/.exec(range)?.[1] ?? 1)
  }
  const openMetrics = weightOf(/^application\/openmetrics-text(?!.*version=(?!1\.))/)
  return openMetrics > 0 && openMetrics >= weightOf(/^text\/plain/)
}
