import { createHash } from 'node:crypto'

/** Whoever is called under an address. */
interface Address {
  readonly ip: string
  readonly port: number
}

/**
 * The header by which an instance that drains sends the clients of sidecars elsewhere, before the registry does and where
 * it cannot. Other clients have `Connection: close`, which keeps nobody from coming again.
 */
export const DRAIN_HEADER = 'x-sidecar-leaving'

/** How long nobody is to come, in seconds, and who says so: `12;k3Jd81sa`. */
export function formatDrainHeader(address: Address, forMs: number): string {
  return `${Math.ceil(forMs / 1000)};${hashAddress(address)}`
}

/** @returns how long, in ms; `undefined` where it speaks of somebody else: a gateway passes on the headers of others */
export function parseDrainHeader(value: string, address: Address): number | undefined {
  const [seconds, hash] = value.split(';')
  return hash === hashAddress(address) && /^\d{1,6}$/.test(seconds!) ? Number(seconds) * 1000 : undefined
}

/** Addresses of the inside are nobody's business outside. */
function hashAddress({ ip, port }: Address): string {
  return createHash('sha256').update(`${ip} ${port}`).digest('base64url').slice(0, 8)
}
