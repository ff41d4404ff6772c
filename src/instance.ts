import { isIPv4, isIPv6 } from 'node:net'
import { SidecarError } from './errors.js'
import type { ConfigKey, ServiceInstance, ServiceKey } from './types.js'

/** The largest weight Nacos knows. */
const MAX_WEIGHT = 10_000
/** The smallest above 0: Nacos keeps two decimals. */
const MIN_WEIGHT = 0.01

/**
 * A weight as Nacos would keep it, 0 to 10,000, whatever a list, a snapshot or a transport holds: what is below 0 is 0,
 * what is no number is 1. Balancers are given no other, and so need no care for what a sum or a quotient could become.
 *
 * @example readWeight(1e308) // 10_000
 */
export function readWeight(value: unknown): number {
  const weight = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof weight !== 'number' || Number.isNaN(weight)) return 1
  if (weight <= 0) return 0
  return Math.min(MAX_WEIGHT, Math.max(MIN_WEIGHT, weight))
}

/**
 * Whether this is a valid service name, one rule for registration and for calls: Nacos's own rule (512 characters, no
 * blanks, no Chinese), without what would steer a URL.
 */
export function isServiceName(name: string): boolean {
  return name.length > 0 && name.length <= 512 && !/[\s\u4e00-\u9fa5/\\?#@%\u0000-\u001f\u007f]/.test(name)
}

/**
 * Whether it can be called at all: the registry is not trusted, `evil.example/x` would change where a request
 * goes, and of `1.2.3.4.5` or `fe80::1%eth0` no URL can be made.
 */
export function isCallableAddress({ ip, port }: Pick<ServiceInstance, 'ip' | 'port'>): boolean {
  return Number.isInteger(port) && port > 0 && port <= 65535 && typeof ip === 'string' && isHost(ip)
}

function isHost(ip: string): boolean {
  if (isIPv4(ip)) return true
  if (ip.includes(':')) return isIPv6(ip) && !ip.includes('%')
  if (!/^[A-Za-z0-9_.-]{1,253}$/.test(ip)) return false
  // `256.1.1.1` is no URL's host, and `127.1` means another one.
  return URL.canParse(`http://${ip}`) && new URL(`http://${ip}`).hostname === ip.toLowerCase()
}

/** What Nacos itself allows in the name of a group. */
export function isGroupName(name: string): boolean {
  return /^[A-Za-z0-9_.:-]{1,255}$/.test(name)
}

/**
 * Reads `name` or `group@@name`.
 *
 * @throws SidecarError `SIDECAR_CALL_INVALID` for anything else: a service name often comes from outside, and must
 * never become a part of a URL.
 */
export function parseServiceName(name: string, namespace: string, defaultGroup: string): ServiceKey {
  const at = name.indexOf('@@')
  const group = at < 0 ? defaultGroup : name.slice(0, at)
  const service = at < 0 ? name : name.slice(at + 2)
  if (!isServiceName(service) || !isGroupName(group)) {
    throw new SidecarError(
      'SIDECAR_CALL_INVALID',
      `${JSON.stringify(name.slice(0, 80))} is not a service name: write "name" or "group@@name", up to 512 characters without blanks, Chinese characters, /, \\, ?, #, @ and %`,
    )
  }
  return { namespace, group, service }
}

/** One name for a service, however it is written: without the group where that is the default one. */
export function canonicalName(name: string, defaultGroup: string): string {
  return name.startsWith(`${defaultGroup}@@`) ? name.slice(defaultGroup.length + 2) : name
}

/** `group@@service`, as Nacos writes it; the namespace is not part of it. */
export function serviceKeyText({ group, service }: Pick<ServiceKey, 'group' | 'service'>): string {
  return `${group}@@${service}`
}

/** A config document as one string; none of the three holds a blank. */
export function configKeyText({ namespace, group, dataId }: ConfigKey): string {
  return `${namespace} ${group} ${dataId}`
}

type Address = Pick<ServiceInstance, 'ip' | 'port'>

/** What makes two entries of one service the same instance, as Nacos sees it: `ip#port#cluster`. */
export function instanceId({ ip, port, cluster }: Address & Pick<ServiceInstance, 'cluster'>): string {
  return `${ip}#${port}#${cluster}`
}

/** Two views of one instance of a service. */
export function isSameInstance(one: ServiceInstance, other: ServiceInstance): boolean {
  return one.ip === other.ip && one.port === other.port && one.cluster === other.cluster
}

/** Nothing that matters differs between two views of one instance. */
export function isUnchanged(one: ServiceInstance, other: ServiceInstance): boolean {
  return (
    one === other ||
    (one.weight === readWeight(other.weight) &&
      one.healthy === other.healthy &&
      one.enabled === other.enabled &&
      one.ephemeral === other.ephemeral &&
      sameMetadata(one.metadata, other.metadata))
  )
}

function sameMetadata(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(one)
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && one[key] === other[key])
  )
}

/**
 * The instance for good, by whatever way it came: one object from the answer of the registry to the balancer. Field by field:
 * V8 reads a frozen `{ ...spread }` ten times slower, and every call of a client reads these.
 *
 * @param instance one that is frozen already, its metadata too, is returned as it is
 */
export function frozenInstance(instance: ServiceInstance): ServiceInstance {
  const { metadata } = instance
  const weight = readWeight(instance.weight)
  if (Object.isFrozen(instance) && Object.isFrozen(metadata) && weight === instance.weight) return instance
  return Object.freeze({
    namespace: instance.namespace,
    group: instance.group,
    service: instance.service,
    ip: instance.ip,
    port: instance.port,
    weight,
    healthy: instance.healthy,
    enabled: instance.enabled,
    ephemeral: instance.ephemeral,
    cluster: instance.cluster,
    metadata: Object.freeze(Object.assign({}, metadata)),
  })
}

/** `ip:port`, an IPv6 address in brackets: what stands in a URL, and in messages. */
export function hostPort({ ip, port }: Address): string {
  return `${ip.includes(':') ? `[${ip}]` : ip}:${port}`
}

/** `secure=true` in the metadata is Spring's sign for https. */
export function isSecure({ metadata }: Pick<ServiceInstance, 'metadata'>): boolean {
  return metadata['secure'] === 'true'
}

/**
 * Where an instance is called.
 *
 * @param secure the caller asks for https
 */
export function originOf(instance: ServiceInstance, secure = false): string {
  const scheme = secure || isSecure(instance) ? 'https' : 'http'
  return `${scheme}://${hostPort(instance)}`
}
