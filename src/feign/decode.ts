import { constants } from 'node:buffer'
import * as zlib from 'node:zlib'

/** Reads and writes JSON bodies: `JSON` itself, or what keeps integers beyond 2^53 (Java's `long`), as json-bigint does. */
export interface JsonCodec {
  parse(text: string): unknown
  stringify(value: unknown): string | undefined
}

/**
 * A body by its content type: JSON parsed, text as a string, anything else as a Buffer; an empty one is `undefined`.
 * Without a content type, JSON where it is JSON, else text.
 *
 * @throws where JSON was promised and is not there, or its charset is not known
 */
export function decodeBody(bytes: Buffer | undefined, contentType: string | undefined, json: JsonCodec): unknown {
  if (bytes === undefined || bytes.length === 0) return undefined
  if (contentType === undefined) {
    const text = textOf(bytes, undefined)
    try {
      return json.parse(text)
    } catch {
      return text
    }
  }
  if (isJson(contentType)) return json.parse(textOf(bytes, contentType))
  if (/^\s*(text\/|application\/(xml|javascript|x-www-form-urlencoded)|[\w.+-]+\/[\w.+-]+\+xml)/i.test(contentType)) {
    return textOf(bytes, contentType)
  }
  return bytes
}

type Unpack = (
  bytes: Buffer,
  options: { maxOutputLength: number },
  done: (error: Error | null, result: Buffer) => void,
) => void

/** Newer versions of Node have it. */
const { zstdDecompress } = zlib as { zstdDecompress?: Unpack }

const UNPACK = new Map<string, Unpack>([
  ['gzip', zlib.gunzip],
  ['x-gzip', zlib.gunzip],
  ['deflate', inflate],
  ['br', zlib.brotliDecompress],
  ...(zstdDecompress === undefined ? [] : [['zstd', zstdDecompress] as const]),
])

/** What typed clients ask for: all that can be undone here. */
export const ACCEPT_ENCODING = ['gzip', 'deflate', 'br', 'zstd'].filter((name) => UNPACK.has(name)).join(', ')
/** More in a row are no answer but an attack. */
const MAX_ENCODINGS = 5

/** Of the two things servers call deflate, the one with a zlib header begins with an 8 in its lower half. */
function inflate(...[bytes, options, done]: Parameters<Unpack>): void {
  if (bytes.length > 0 && (bytes[0]! & 0x0f) === 8) zlib.inflate(bytes, options, done)
  else zlib.inflateRaw(bytes, options, done)
}

/** For an error's `body`: never throws. */
export function decodeLeniently(bytes: Buffer | undefined, contentType: string | undefined, json: JsonCodec): unknown {
  try {
    return decodeBody(bytes, contentType, json)
  } catch {
    return bytes?.toString('utf8')
  }
}

/**
 * Undoes the content encodings, the last one first.
 *
 * @param encodings as `Content-Encoding` lists them
 * @param maxBytes of the decompressed body, and of each step to it: a few kilobytes can unpack to gigabytes.
 */
export async function decompress(bytes: Buffer, encodings: string, maxBytes: number): Promise<Buffer> {
  const names = encodings
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity')
  if (names.length > MAX_ENCODINGS) throw new Error(`it is encoded ${names.length} times`)
  let result = bytes
  for (const name of names.reverse()) result = await unpackOne(result, name, maxBytes)
  return result
}

function unpackOne(bytes: Buffer, encoding: string, maxBytes: number): Promise<Buffer> {
  const unpack = UNPACK.get(encoding)
  if (!unpack) return Promise.reject(new Error(`its content encoding ${encoding} is not one of ${ACCEPT_ENCODING}`))
  return new Promise((resolve, reject) => {
    unpack(bytes, { maxOutputLength: Math.min(maxBytes, constants.MAX_LENGTH) }, (error, result) => {
      if (!error) resolve(result)
      else if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') reject(new Error(tooLarge(maxBytes)))
      else reject(new Error(`its ${encoding} encoding is broken: ${error.message}`))
    })
  })
}

export function tooLarge(maxBytes: number): string {
  return `it is larger than ${maxBytes} bytes (raise maxResponseBytes if that is right)`
}

function isJson(contentType: string): boolean {
  return contentType.startsWith('application/json') || /^\s*[\w.+-]+\/(?:[\w.+-]+\+)?json\b/i.test(contentType)
}

function textOf(bytes: Buffer, contentType: string | undefined): string {
  const charset = contentType?.includes('charset') ? /charset\s*=\s*"?([\w-]+)/i.exec(contentType)?.[1] : undefined
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) return decodeAs(bytes, charset)
  const text = bytes.toString('utf8')
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}

/** Names that are no names of the web (`utf8mb4`, `Cp1252`) are UTF-8 more often than not. */
function decodeAs(bytes: Buffer, charset: string): string {
  const decoder = decoderOf(charset)
  if (decoder !== undefined) return decoder.decode(bytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error(`its charset ${charset} is not known here, and it is not UTF-8`)
  }
}

function decoderOf(charset: string): InstanceType<typeof TextDecoder> | undefined {
  try {
    return new TextDecoder(charset)
  } catch {
    return undefined
  }
}
