import { InvalidArgumentError } from 'commander'
import { messageOf } from '../errors.js'
import { parseServerAddresses } from '../settings/server-address.js'
import { nameFault, type NameKind } from './nacos-names.js'

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

/** Reads a name that Nacos must take. */
export function nameOf(kind: NameKind): (raw: string) => string {
  return (raw) => {
    const fault = nameFault(kind, raw)
    if (fault === undefined) return raw
    throw new InvalidArgumentError(`${fault[0]!.toUpperCase()}${fault.slice(1)}.`)
  }
}

/** `name` or `group@@name`. */
export function serviceName(raw: string): string {
  const at = raw.indexOf('@@')
  if (at >= 0) nameOf('group')(raw.slice(0, at))
  nameOf('service')(at < 0 ? raw : raw.slice(at + 2))
  return raw
}
