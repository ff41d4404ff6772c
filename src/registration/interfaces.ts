import { BlockList } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'

/** What `os.networkInterfaces()` returns. */
export type NetworkInterfaces = NodeJS.Dict<NetworkInterfaceInfo[]>

/** An address this machine has, with what decides whether others can use it. */
export interface Candidate {
  readonly ip: string
  readonly interfaceName: string
  readonly ipv6: boolean
  readonly loopback: boolean
  readonly private: boolean
  /** Made by Docker, a hypervisor, a VPN or a container network: others mostly cannot reach it. */
  readonly virtual: boolean
}

const VIRTUAL =
  /^(docker|br-|veth|virbr|vmnet|vboxnet|vnic|vnet|podman|cni|cali|flannel|cilium|lxc|lxd|kube|nodelocaldns|tun|tap|utun|wg|zt|tailscale|ppp|ipsec|dummy|ifb|awdl|llw|anpi|bridge\d)|^vEthernet|VMware|VirtualBox|Hyper-V|WSL/i

const isPrivate = within(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'])
const isLinkLocal = within(['169.254.0.0/16', 'fe80::/10'])
const isLoopbackAddress = within(['127.0.0.0/8', '::1/128'])

export const isLoopback = (ip: string) => ip === 'localhost' || isLoopbackAddress(ip)
/** Java's word for it; newer private networks are not in it. */
export const isSiteLocal = within(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fec0::/10'])
/** The default network of docker0. */
export const isDockerBridge = within(['172.17.0.0/16'])

/** Every usable address, best first: real before virtual, private before public, IPv4 before IPv6, loopback last. */
export function candidatesOf(interfaces: NetworkInterfaces): Candidate[] {
  const found: Candidate[] = []
  for (const [interfaceName, addresses] of Object.entries(interfaces)) {
    for (const { address, internal } of addresses ?? []) {
      const ip = withoutZone(address)
      // Link-local addresses mean nothing beyond the cable.
      if (isLinkLocal(ip)) continue
      found.push({
        ip,
        interfaceName,
        ipv6: familyOf(ip) === 'ipv6',
        loopback: internal || isLoopbackAddress(ip),
        private: isPrivate(ip),
        virtual: VIRTUAL.test(interfaceName),
      })
    }
  }
  return found.sort((a, b) => demerits(a) - demerits(b))
}

/** True if the address is in a network written as `10.1.0.0/16`; `undefined` where that is no network. */
export function inNetwork(ip: string, network: string): boolean | undefined {
  if (!/^[\da-f.:]+\/\d+$/i.test(network)) return undefined
  try {
    return within([network])(ip)
  } catch {
    return undefined
  }
}

/** `[fe80::1%eth0]` → `fe80::1`. */
export function withoutZone(address: string): string {
  return address.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '')
}

function demerits(one: Candidate): number {
  return (one.loopback ? 8 : 0) + (one.virtual ? 4 : 0) + (one.ipv6 ? 2 : 0) + (one.private ? 0 : 1)
}

/** The list is made when it is asked for the first time: five of them would be 2 ms of every start. */
function within(networks: readonly string[]): (ip: string) => boolean {
  let list: BlockList | undefined
  return (ip) => (list ??= blockList(networks)).check(ip, familyOf(ip))
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address, bits] = network.split('/') as [string, string]
    list.addSubnet(address, Number(bits), familyOf(address))
  }
  return list
}

/** Of an address. The first `isIPv6` of a process takes 5 ms on Node 20, for its regular expression. */
function familyOf(address: string): 'ipv4' | 'ipv6' {
  return address.includes(':') ? 'ipv6' : 'ipv4'
}
