import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { SidecarError } from '../errors.js'
import type { DiscoverySettings, InetSettings } from '../settings/schema.js'
import {
  candidatesOf,
  inNetwork,
  isDockerBridge,
  isLoopback,
  isSiteLocal,
  withoutZone,
  type Candidate,
  type NetworkInterfaces,
} from './interfaces.js'

/** The address others will call, and why it is this one. */
export interface AddressChoice {
  /** Without brackets; a host name only if the settings have one. */
  readonly ip: string
  /** Completes "registering 10.0.0.5: …". */
  readonly reason: string
  /** What may keep others from reaching it. */
  readonly warnings: readonly string[]
}

/** The settings that steer the choice. */
export type AddressSettings = Pick<DiscoverySettings, 'ip' | 'networkInterface' | 'preferredNetworks'> &
  Partial<Pick<DiscoverySettings, 'ipType'>>

/**
 * Chooses among the addresses of this machine: `ip` > `network-interface` > `preferred-networks` > the one address the
 * app is bound to > the first private address that no Docker, hypervisor or VPN made. `cloud.inetutils` leaves some
 * out.
 *
 * @param boundTo what the app's server listens on; `::` and `0.0.0.0` are every address. @default every address
 * @throws `SIDECAR_SETTINGS_INVALID` where `ip` is no address to call, or `network-interface` is not there.
 * @example
 * const { ip, reason, warnings } = chooseAddress(settings.cloud.nacos.discovery)
 */
export function chooseAddress(
  settings: AddressSettings,
  interfaces: NetworkInterfaces = networkInterfaces(),
  boundTo = '::',
  inet: Partial<InetSettings> = {},
): AddressChoice {
  const said = configuredAddress(settings)
  if (said !== undefined) return choice(said, 'it is set by cloud.nacos.discovery.ip')

  const all = candidatesOf(interfaces)
  if (settings.networkInterface) {
    const found = onInterface(settings.networkInterface, all)
    const reason = `cloud.nacos.discovery.network-interface is ${found.interfaceName}`
    return choice(found.ip, reason, found, unreachable(found.ip, boundTo))
  }

  const { left: reachable, warnings: missed } = narrowed(all, settings, inet)
  const { preferredNetworks = [] } = inet
  for (const wanted of [...settings.preferredNetworks, ...preferredNetworks]) {
    const found = reachable.find((one) => matches(one.ip, wanted))
    if (!found) continue
    const reason = `${found.interfaceName} is in the preferred network ${wanted}`
    return choice(found.ip, reason, found, unreachable(found.ip, boundTo))
  }
  for (const [key, networks] of [
    ['nacos.discovery', settings.preferredNetworks],
    ['inetutils', preferredNetworks],
  ] as const) {
    if (networks.length > 0)
      missed.push(`no address of this machine is in cloud.${key}.preferred-networks (${networks})`)
  }

  if (!isWildcard(boundTo))
    return choice(withoutZone(boundTo), 'the app listens on this address only', undefined, missed)
  const best = reachable[0]
  if (!best)
    return choice(
      inet.defaultIpAddress || all[0]?.ip || '127.0.0.1',
      'this machine has no other address',
      undefined,
      missed,
    )
  const kind = `${best.private ? 'private' : 'public'} ${best.ipv6 ? 'IPv6' : 'IPv4'} address`
  const others = reachable.slice(1).map((one) => `${one.ip} (${one.interfaceName})`)
  const passed = others.length ? `; ignored: ${others.join(', ')}` : ''
  return choice(best.ip, `first ${kind}, on ${best.interfaceName}${passed}`, best, missed)
}

/**
 * The address in the settings; `undefined` where they leave the choice: nothing, an empty text, or `auto`.
 *
 * @throws `SIDECAR_SETTINGS_INVALID` where it is no address to call.
 */
export function configuredAddress({ ip: setting }: Pick<AddressSettings, 'ip'>): string | undefined {
  const ip = withoutZone((setting ?? '').trim())
  if (ip === '' || ip.toLowerCase() === 'auto') return undefined
  const callable = isIP(ip) ? !isWildcard(ip) : isHostName(ip)
  if (callable) return ip
  throw new SidecarError(
    'SIDECAR_SETTINGS_INVALID',
    `cloud.nacos.discovery.ip: expected an address or host name that others can call, without scheme and port, or auto, got "${setting}"`,
  )
}

/** Labels of letters, digits, dashes and underscores; the last one is no number, or it would be a broken address. */
function isHostName(text: string): boolean {
  const labels = text.replace(/\.$/, '').split('.')
  const each = labels.every((label) => /^[a-z\d_]([a-z\d_-]{0,61}[a-z\d_])?$/i.test(label))
  return text.length <= 253 && each && !/^\d+$/.test(labels.at(-1)!)
}

/** What `cloud.inetutils` and `ip-type` leave of the addresses that others may reach. */
function narrowed(all: readonly Candidate[], { ipType }: AddressSettings, inet: Partial<InetSettings>) {
  const warnings: string[] = []
  let left = all.filter((one) => !one.loopback)
  const keep = (key: string, fits: (one: Candidate) => boolean) => {
    const kept = left.filter(fits)
    if (kept.length > 0) left = kept
    else if (left.length > 0) warnings.push(`${key} excludes every address of this machine and is ignored`)
  }
  const ignored = inet.ignoredInterfaces ?? []
  if (ignored.length > 0) {
    const key = `cloud.inetutils.ignored-interfaces (${ignored.join(', ')})`
    keep(key, (one) => !ignored.some((pattern) => matchesWhole(one.interfaceName, pattern)))
  }
  if (inet.useOnlySiteLocalInterfaces) {
    keep('cloud.inetutils.use-only-site-local-interfaces', (one) => isSiteLocal(one.ip))
  }
  if (ipType) keep(`cloud.nacos.discovery.ip-type: ${ipType}`, (one) => one.ipv6 === (ipType === 'ipv6'))
  return { left, warnings }
}

function onInterface(name: string, all: readonly Candidate[]): Candidate {
  const found = all.find((one) => one.interfaceName === name)
  if (found) return found
  const names = [...new Set(all.map((one) => one.interfaceName))].join(', ') || 'none'
  throw new SidecarError(
    'SIDECAR_SETTINGS_INVALID',
    `cloud.nacos.discovery.network-interface: there is no interface "${name}" with an address; this machine has ${names}`,
  )
}

/** A network (10.1.0.0/16), a prefix (10.1.) or a regular expression for the whole address, as Spring has them. */
function matches(ip: string, wanted: string): boolean {
  const inside = inNetwork(ip, wanted)
  if (inside !== undefined) return inside
  return ip.startsWith(wanted) || matchesWhole(ip, wanted)
}

/** As Java's `String.matches`; what is no expression matches nothing. */
function matchesWhole(text: string, pattern: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`).test(text)
  } catch {
    return false
  }
}

function choice(ip: string, reason: string, from?: Candidate, warnings: readonly string[] = []): AddressChoice {
  return { ip, reason, warnings: [...warnings, ...doubts(ip, from)] }
}

const isWildcard = (address: string) => address === '::' || address === '0.0.0.0'

function unreachable(ip: string, boundTo: string): string[] {
  if (isWildcard(boundTo) || withoutZone(boundTo) === ip) return []
  return [`the app listens on ${boundTo} only: callers cannot reach it at ${ip}; let it listen on 0.0.0.0 or ::`]
}

function doubts(ip: string, from: Candidate | undefined): string[] {
  const cure = 'set cloud.nacos.discovery.ip, network-interface or preferred-networks if callers cannot reach it'
  if (isLoopback(ip)) return [`${ip} is a loopback address: only this machine can call it; ${cure}`]
  if (isDockerBridge(ip)) return [`${ip} looks like a Docker bridge address: other machines cannot call it; ${cure}`]
  if (from?.virtual) return [`${ip} is on ${from.interfaceName}, which looks virtual: ${cure}`]
  return []
}
