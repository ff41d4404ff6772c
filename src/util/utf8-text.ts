/**
 * The text of a file that must be UTF-8, with or without BOM. Read otherwise, it would hold U+FFFD in silence.
 *
 * @throws Error that continues the name of the file: `is UTF-16 (little-endian): save it as UTF-8`
 */
export function utf8Text(bytes: Uint8Array): string {
  const utf16 = (order: string) => new Error(`is UTF-16 (${order}-endian): save it as UTF-8`)
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes.length > 1 && bytes[0] !== 0 && bytes[1] === 0))
    throw utf16('little')
  if ((bytes[0] === 0xfe && bytes[1] === 0xff) || (bytes.length > 1 && bytes[0] === 0 && bytes[1] !== 0))
    throw utf16('big')
  try {
    // Takes the BOM away.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('is not UTF-8: save it as UTF-8')
  }
}
