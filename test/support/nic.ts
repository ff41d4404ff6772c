import { isIPv6 } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'

/** An address as `os.networkInterfaces()` lists it. */
export function nic(address: string): NetworkInterfaceInfo {
  const common = { address, netmask: '', mac: '00:00:00:00:00:00', internal: /^(127\.|::1$)/.test(address), cidr: null }
  return isIPv6(address) ? { ...common, family: 'IPv6', scopeid: 0 } : { ...common, family: 'IPv4' }
}
