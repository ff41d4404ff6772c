/**
 * One header out of undici's raw ones, without making strings of the others.
 *
 * @param name in lower case, letters and hyphens only
 */
export function rawHeader(rawHeaders: readonly Buffer[], name: string): string | undefined {
  return rawValue(rawHeaders, name)?.toString('latin1')
}

export function rawValue(rawHeaders: readonly Buffer[], name: string): Buffer | undefined {
  for (let i = 0; i < rawHeaders.length; i += 2) if (isNamed(rawHeaders[i]!, name)) return rawHeaders[i + 1]
  return undefined
}

/** Nearly all answers are of one type: to compare it costs less than to make the text of it again. */
let lastType = { bytes: Buffer.alloc(0), text: '' }

export function typeText(bytes: Buffer): string {
  if (!isSame(bytes, lastType.bytes)) lastType = { bytes: Buffer.from(bytes), text: bytes.toString('latin1') }
  return lastType.text
}

function isSame(a: Buffer, b: Buffer): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** As `Number` reads it, without a text in between where it is digits alone. */
export function decimal(bytes: Buffer): number {
  let value = 0
  for (let i = 0; i < bytes.length; i++) {
    const digit = bytes[i]! - 0x30
    if (digit < 0 || digit > 9) return Number(bytes.toString('latin1'))
    value = value * 10 + digit
  }
  return value
}

export function isNamed(bytes: Buffer, name: string): boolean {
  if (bytes.length !== name.length) return false
  // Setting the bit makes lower case of a letter and leaves a hyphen what it is.
  for (let i = 0; i < name.length; i++) if ((bytes[i]! | 0x20) !== name.charCodeAt(i)) return false
  return true
}
