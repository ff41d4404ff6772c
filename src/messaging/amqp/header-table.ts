/** Of amqplib's encoder for all headers of a message, less what is written beside those of the sender. */
const MAX_TABLE_BYTES = 60_000
/** Of a name in AMQP. */
const MAX_NAME_BYTES = 255
const MAX_DEPTH = 100
/** Names of headers that could not be written again, with commas between. */
const LEFT_OUT = 'x-sidecar-left-out'
const MAX_LEFT_OUT = 1_000

type Table = Readonly<Record<string, unknown>>

/**
 * Headers of a delivered message in a form in which they can be sent again. amqplib reads more than it writes: without this, an event
 * with such a header could go neither to its next attempt nor to the dead letters, and would come again for ever.
 */
export function writableHeaders(headers: Table): Record<string, unknown> {
  const kept: [string, unknown][] = []
  const leftOut: string[] = []
  let bytes = 0
  for (const [name, value] of Object.entries(headers)) {
    const one = Buffer.byteLength(name) <= MAX_NAME_BYTES ? writable(value, 0) : undefined
    const size = one === undefined ? 0 : sizeOf(one) + Buffer.byteLength(name) + 2
    if (one === undefined || bytes + size > MAX_TABLE_BYTES) {
      leftOut.push(name)
      continue
    }
    bytes += size
    kept.push([name, one])
  }
  if (leftOut.length > 0) kept.push([LEFT_OUT, leftOut.join(',').slice(0, MAX_LEFT_OUT)])
  return Object.fromEntries(kept)
}

/** @returns `undefined` for what has no form */
function writable(value: unknown, depth: number): unknown {
  if (typeof value === 'number') return isWritable(value) ? value : String(value)
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value))
    return ['string', 'boolean'].includes(typeof value) || typeof value === 'object' ? value : undefined
  if (depth >= MAX_DEPTH) return undefined
  if (Array.isArray(value)) return value.map((one: unknown) => writable(one, depth + 1) ?? null)
  // The mark of amqplib for types that JavaScript has not; a sender may have a key of this name.
  if (Object.hasOwn(value, '!')) return writableType(value as Table)
  const entries = Object.entries(value).map(([name, one]) => [name, writable(one, depth + 1)] as const)
  return Object.fromEntries(entries.filter(([, one]) => one !== undefined))
}

/** amqplib takes every other number for an integer of 64 bits, and fails where it is none: NaN, -1e30, 2 ** 51 + 0.5. */
function isWritable(value: number): boolean {
  return value >= 2 ** 63 || Math.abs(value) < 2 ** 50 || (Number.isInteger(value) && value >= -(2 ** 63))
}

function writableType({ '!': type, value }: Table): unknown {
  if (type === 'timestamp')
    return typeof value === 'number' && value >= 0 && value < 2 ** 64 ? { '!': type, value } : undefined
  const { places, digits } = (type === 'decimal' && typeof value === 'object' && value !== null ? value : {}) as Table
  return isUnsigned(places, 0xff) && isUnsigned(digits, 0xffff_ffff)
    ? { '!': type, value: { places, digits } }
    : undefined
}

function isUnsigned(value: unknown, max: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max
}

/** At least as many bytes as it takes. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value) + 5
  if (Buffer.isBuffer(value)) return value.length + 5
  if (typeof value !== 'object' || value === null) return 10
  const parts = Object.entries(value).map(([name, one]) => Buffer.byteLength(name) + 2 + sizeOf(one))
  return parts.reduce((sum, each) => sum + each, 5)
}
