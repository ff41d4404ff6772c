import { isIPv4, isIPv6 } from 'node:net'
import type { ServiceInstance } from './types.js'

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

/** `10.0.0.5:9202`, `[::1]:9202`: how an instance is named in messages. */
export function hostPort({ ip, port }: Pick<ServiceInstance, 'ip' | 'port'>): string {
  return `${ip.includes(':') ? `[${ip}]` : ip}:${port}`
}
