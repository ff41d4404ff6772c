import { InvalidArgumentError } from 'commander'
import { messageOf } from '../errors.js'
import { parseServerAddresses } from '../settings/server-address.js'

/** A port that can be connected to. */
export function portNumber(raw: string): number {
  const port = Number(raw)
  if (/^\d+$/.test(raw) && port > 0 && port <= 65_535) return port
  throw new InvalidArgumentError(`Expected a port 1–65535, got "${raw}".`)
}

/** Addresses of the registry, as they are written. */
export function serverAddresses(raw: string): string {
  try {
    parseServerAddresses(raw)
    return raw
  } catch (error) {
    throw new InvalidArgumentError(`${messageOf(error)}.`)
  }
}
