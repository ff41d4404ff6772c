import { createHash } from 'node:crypto'
import { hostPort } from './instance.js'

type Address = Parameters<typeof hostPort>[0]

/**
 * Response header of a draining instance. Sidecar clients stop using the instance at once, even if the registry is slow
 * or down. Other clients get `Connection: close`, which does not stop them from connecting again.
 */
export const DRAIN_HEADER = 'x-sidecar-leaving'

/** `<seconds>;<hash of the address>`: for how long to skip the instance, and which one: `12;k3Jd81sa`. */
export function formatDrainHeader(address: Address, forMs: number): string {
  return `${Math.ceil(forMs / 1000)};${hashAddress(address)}`
}

/** @returns how long, in ms; `undefined` for the header of another instance, which a gateway may have forwarded */
export function parseDrainHeader(value: string, address: Address): number | undefined {
  const [seconds, hash] = value.split(';')
  return hash === hashAddress(address) && /^\d{1,6}$/.test(seconds!) ? Number(seconds) * 1000 : undefined
}

/** Hashed, so that internal addresses do not leak. */
function hashAddress(address: Address): string {
  return createHash('sha256').update(hostPort(address)).digest('base64url').slice(0, 8)
}
