import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { homedir, hostname, networkInterfaces, tmpdir, userInfo } from 'node:os'
import { sep } from 'node:path'
import { formatPath, relaxed, type PropertyPath } from '../properties/path.js'
import { sharedBy } from '../util/shared-by.js'

/** What a placeholder finds in every Spring process although no file sets it: a bootstrap.yml for Java uses it. */
const KNOWN: Record<string, () => string> = {
  'user.home': homedir,
  'user.dir': () => process.cwd(),
  'user.name': () => userInfo().username,
  'java.io.tmpdir': tmpdir,
  'file.separator': () => sep,
  pid: () => String(process.pid),
  'cloud.client.hostname': hostname,
  'cloud.client.ipaddress': firstAddress,
}

/** Drawn once a process: two readers of one property must not see two values. */
const drawn = new Map<string, string | undefined>()

/** `${user.home}`, `${spring.cloud.client.ip-address}`, `${random.int[1,10]}` and their like. */
export function springProperty(path: PropertyPath): string | undefined {
  if (path[0] === 'random') return sharedBy(drawn, formatPath(path), () => draw(path.slice(1).join(' ')))
  const name = path.map((part) => relaxed(String(part))).join('.')
  return Object.hasOwn(KNOWN, name) ? orNothing(KNOWN[name]!) : undefined
}

/** @param what `value`, `uuid`, or `int` or `long` with `(max)`, `(min,max)` or, after a space, what stood in `[]` */
function draw(what: string): string | undefined {
  if (what === 'uuid') return randomUUID()
  if (what === 'value') return createHash('md5').update(randomBytes(16)).digest('hex')
  const [, type, from, to] = /^(int|long)(?:[ (](-?\d{1,18})(?:, ?(-?\d{1,18}))?\)?)?$/.exec(what) ?? []
  if (type === undefined) return undefined
  const bits = randomBytes(8).readBigInt64LE()
  if (from === undefined) return String(type === 'int' ? BigInt.asIntN(32, bits) : bits)
  const [min, max] = to === undefined ? [0n, BigInt(from)] : [BigInt(from), BigInt(to)]
  return max > min ? String(min + (BigInt.asUintN(64, bits) % (max - min))) : undefined
}

function firstAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all.find((one) => one.family === 'IPv4' && !one.internal)?.address ?? '127.0.0.1'
}

/** A container may run as a user without an entry in the user database. */
function orNothing(read: () => string): string | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
