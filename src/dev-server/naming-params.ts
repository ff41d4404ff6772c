import type { Params } from './body.js'
import { beatTimesOf, plainRecord } from './instance.js'
import type { BeatTimes, Published } from './instance.js'
import type { ServiceId } from './service.js'

export const DEFAULT_GROUP = 'DEFAULT_GROUP'
export const DEFAULT_CLUSTER = 'DEFAULT'

/** Present and not blank, without the blanks around it; else `undefined`. */
export function filled(params: Params, name: string): string | undefined {
  return params.get(name)?.trim() || undefined
}

export function namespaceOf(params: Params): string {
  return filled(params, 'namespaceId') ?? 'public'
}

/** `group@@name` wins over the group parameter. */
export function serviceIdOf(params: Params, serviceName: string): ServiceId {
  const at = serviceName.split('@@')
  const [group, name] = at.length > 1 ? at : [filled(params, 'groupName') ?? DEFAULT_GROUP, serviceName]
  return { namespace: namespaceOf(params), group: group!, name: name! }
}

/** What is wrong with a grouped service name, in Nacos's words. */
export function serviceNameFault(serviceName: string): string | undefined {
  if (!serviceName.includes('@@')) return undefined
  const [group, name] = serviceName.split('@@')
  if (!name) return "Param 'serviceName' is illegal, it should be format as 'groupName@@serviceName'"
  return group ? undefined : "Param 'serviceName' is illegal, groupName can't be empty"
}

/** A JSON object of scalars, or `k=v,k2=v2`; `undefined` for anything else. */
export function parseMetadata(raw: string | undefined): Record<string, string> | undefined {
  if (raw === undefined || raw.trim() === '' || raw.trim() === 'null') return plainRecord([])
  let value: unknown
  try {
    value = JSON.parse(raw)
  } catch {
    const pairs = raw.split(',').map((pair) => pair.split('='))
    return pairs.every((pair) => pair.length === 2) ? plainRecord(pairs as [string, string][]) : undefined
  }
  return scalarsOf(value)
}

/** A JSON object's scalars as text; `undefined` where it is none or holds more. */
export function scalarsOf(value: unknown): Record<string, string> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const entries = Object.entries(value).filter(([, item]) => item !== null)
  if (entries.some(([, item]) => typeof item === 'object')) return undefined
  return plainRecord(entries.map(([key, item]) => [key, String(item)] as const))
}

/** Java's Integer.parseInt. */
export function parseInteger(raw: string): number | undefined {
  return /^[+-]?\d{1,10}$/.test(raw) ? Number(raw) : undefined
}

/** Java's Double.parseDouble, as far as a weight goes; it takes NaN, Infinity and a `d` or `f` at the end. */
export function parseDouble(raw: string): number | undefined {
  const text = raw.trim()
  if (/^[+-]?(NaN|Infinity)$/.test(text)) return Number(text.replace(/^[+-](?=NaN)/, ''))
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?[df]?$/i.test(text) ? Number(text.replace(/[df]$/i, '')) : undefined
}

/** Commons Lang's BooleanUtils.toBoolean: anything else is false. */
export function parseFlag(raw: string | undefined, fallback: boolean): boolean {
  return raw ? ['true', 'on', 'yes', 't', 'y'].includes(raw.toLowerCase()) : fallback
}

export const WEIGHT_FAULT = 'instance format invalid: The weights range from 0.0 to 10000.0'

/** What is wrong with a weight, in Nacos's words; NaN passes there, so it does here. */
export function weightFault(weight: number): string | undefined {
  return weight < 0 || weight > 10_000 ? WEIGHT_FAULT : undefined
}

/** What is wrong with an instance, whichever API it came by, in Nacos's words. */
export function instanceFault(
  { weight, cluster, metadata }: Pick<Published, 'weight' | 'cluster' | 'metadata'>,
  defaults: BeatTimes,
): string | undefined {
  const { intervalMs, timeoutMs, deleteMs } = beatTimesOf(metadata, defaults)
  if (timeoutMs < intervalMs || deleteMs < intervalMs) {
    return "Instance 'heart beat interval' must less than 'heart beat timeout' and 'ip delete timeout'."
  }
  if (!/^[0-9a-zA-Z-]+$/.test(cluster)) {
    return `Instance 'clusterName' should be characters with only 0-9a-zA-Z-. (current: ${cluster})`
  }
  return weightFault(weight)
}
