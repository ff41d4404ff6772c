import type { OperationKind } from '../observe/operation.js'
import type { PropertyStore } from '../properties/store.js'
import type { ManagementSettings } from '../settings/schema.js'
import { parseDuration } from '../util/duration.js'
import { flagOf } from '../util/flag.js'
import { isObject } from '../util/is-object.js'
import { PERCENTILE_BOUNDS } from './buckets.js'
import type { Tags } from './meter.js'

/** What Micrometer calls the figures of a kind. */
export const METER_NAMES = { server: 'http.server.requests', client: 'http.client.requests' } as const
export type MeteredKind = keyof typeof METER_NAMES

/** `management` of all properties: a team's document in Nacos may have it. */
export interface LiveManagement {
  /** Pages that are answered; `undefined`: it is not said. */
  readonly include: readonly string[] | undefined
  readonly exclude: readonly string[]
  /** Of every metric. */
  readonly tags: Tags
  readonly showsInfo: boolean
  /** Bounds of buckets in seconds, ascending; none: no buckets. */
  bounds(kind: MeteredKind): readonly number[]
}

const NAME = /^[a-zA-Z_]\w*$/

/** @param application the value of the tag that is there without a setting */
export function liveManagement(
  store: PropertyStore,
  settings: ManagementSettings,
  application: string | undefined,
): LiveManagement {
  const { endpoints, info, metrics } = settings
  const { exposure } = endpoints.web
  const own = leaves(store.get('management.metrics.tags'))
  const tags = { ...(application && { application }), ...metrics.tags, ...own }
  return {
    include: listOf(store.get('management.endpoints.web.exposure.include')) ?? exposure.include,
    exclude: listOf(store.get('management.endpoints.web.exposure.exclude')) ?? exposure.exclude,
    // Micrometer writes any name with underscores; what is none then would make the page unreadable.
    tags: Object.fromEntries(
      Object.entries(tags)
        .map(([name, value]) => [name.replace(/[.-]/g, '_'), value])
        .filter(([name]) => NAME.test(name!) && !name!.startsWith('__')),
    ),
    showsInfo: flagOf(String(store.get('management.info.env.enabled') ?? info.env.enabled)) ?? true,
    bounds(kind) {
      const at = (section: string) => nearestOf(store, `management.metrics.distribution.${section}`, METER_NAMES[kind])
      const histogram = flagOf(String(at('percentiles-histogram') ?? false)) === true
      const slo = listOf(at('slo')) ?? []
      const further = slo.map((text) => (parseDuration(text) ?? NaN) / 1000).filter((seconds) => seconds > 0)
      return [...new Set([...(histogram ? PERCENTILE_BOUNDS : []), ...further])].sort((one, other) => one - other)
    },
  }
}

/** As Spring looks it up: the whole name, then what it begins with, then `all`. */
function nearestOf(store: PropertyStore, section: string, name: string): unknown {
  const parts = name.split('.')
  for (let length = parts.length; length > 0; length--) {
    const value = store.get(`${section}.${parts.slice(0, length).join('.')}`)
    if (value !== undefined && !(isObject(value) && !Array.isArray(value))) return value
  }
  return store.get(`${section}.all`)
}

/** Kinds whose figures want buckets. */
export function bucketedKinds(live: LiveManagement): ReadonlySet<OperationKind> {
  return new Set((['server', 'client'] as const).filter((kind) => live.bounds(kind).length > 0))
}

function listOf(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined
  const items = Array.isArray(value) ? value.map(String) : String(value).split(',')
  return items.map((item) => item.trim()).filter(Boolean)
}

/** `{ a: { b: 1 } }` as `a.b`: names may hold dots. */
function leaves(value: unknown, prefix = ''): Record<string, string> {
  if (!isObject(value)) return value === undefined || value === null || prefix === '' ? {} : { [prefix]: String(value) }
  return Object.assign(
    {},
    ...Object.entries(value).map(([name, inner]) => leaves(inner, prefix === '' ? name : `${prefix}.${name}`)),
  ) as Record<string, string>
}
