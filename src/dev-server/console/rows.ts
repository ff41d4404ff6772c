import type { ConfigId, StoredConfig } from '../config-store.js'
import { weightJson } from '../naming-view.js'
import type { InstanceDetail, ServiceId, ServiceRecord } from '../service.js'
import type { Audience } from './audience.js'
import type { History } from './history.js'

/** How the console calls things: the public namespace is `public` for services and documents alike. */
export interface ConfigName {
  readonly namespace: string
  readonly group: string
  readonly dataId: string
}

export interface RowParts {
  readonly audience: Audience
  readonly history: History
}

export function nameOf({ tenant, group, dataId }: ConfigId): ConfigName {
  return { namespace: tenant || 'public', group, dataId }
}

export function serviceRow(service: ServiceRecord, details: readonly InstanceDetail[], { audience }: RowParts) {
  const { namespace, group, name, ephemeral, protectThreshold, metadata, clusters } = service
  const serving = details.filter(({ instance }) => instance.healthy && instance.enabled).length
  const disabled = details.filter(({ instance }) => !instance.enabled).length
  return {
    ...{ namespace, group, name, ephemeral, protectThreshold, metadata, clusters, serving, disabled },
    instances: details.length,
    unhealthy: details.length - details.filter(({ instance }) => instance.healthy).length,
    subscribers: audience.subscribers(service).length,
  }
}

/** @returns `published` only where an operator's word lies over it */
export function instanceRow({ instance, published, owner }: InstanceDetail) {
  const { ip, port, cluster, weight, healthy, enabled, ephemeral, metadata } = instance
  const own = { weight: weightJson(published.weight), enabled: published.enabled, metadata: published.metadata }
  const changed =
    !Object.is(weight, published.weight) || enabled !== published.enabled || metadata !== published.metadata
  return {
    ...{ ip, port, cluster, weight: weightJson(weight), healthy, enabled, ephemeral, metadata },
    by: owner === undefined ? 'http' : 'grpc',
    ...(changed && { published: own }),
  }
}

export function configRow(config: StoredConfig, { audience, history }: RowParts) {
  const { type, md5, modifiedMs, content } = config
  return {
    ...nameOf(config),
    ...{ type, md5, modifiedMs },
    bytes: Buffer.byteLength(content),
    versions: history.of(config).length,
    listeners: audience.listeners(config).length,
  }
}

/** One string for a service, that no part can forge. */
export function serviceKey({ namespace, group, name }: ServiceId): string {
  return JSON.stringify([namespace, group, name])
}

/** The other way; `undefined` for anything else. */
export function serviceOfKey(key: string | null): ServiceId | undefined {
  let parts: unknown
  try {
    parts = JSON.parse(key ?? '')
  } catch {
    return undefined
  }
  if (!Array.isArray(parts) || parts.length !== 3 || parts.some((part) => typeof part !== 'string')) return undefined
  const [namespace, group, name] = parts as [string, string, string]
  return { namespace, group, name }
}
