import { constants } from 'node:buffer'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import type { JsonCodec } from './json.js'

/**
 * A body by its content type: JSON parsed, text as a string, anything else as a Buffer; an empty one is `undefined`.
 * Without a content type, JSON where it is JSON, else text.
 *
 * @throws SyntaxError where JSON was promised and is not there.
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

const UNPACK = new Map<string, Unpack>([
  ['gzip', gunzip],
  ['x-gzip', gunzip],
  ['deflate', inflate],
  ['br', brotliDecompress],
])

/** For an error's `body`: never throws. */
export function decodeLeniently(bytes: Buffer | undefined, contentType: string | undefined, json: JsonCodec): unknown {
  try {
    return decodeBody(bytes, contentType, json)
  } catch {
    return bytes?.toString('utf8')
  }
}

/**
 * Undoes a content encoding.
 *
 * @param maxBytes of the decompressed body: a few kilobytes can unpack to gigabytes.
 */
export function decompress(bytes: Buffer, encoding: string, maxBytes: number): Promise<Buffer> {
  const unpack = UNPACK.get(encoding)
  if (!unpack) return Promise.reject(new Error(`its content encoding ${encoding} is not one of gzip, deflate, br`))
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

function decodeAs(bytes: Buffer, charset: string): string {
  try {
    return new TextDecoder(charset).decode(bytes)
  } catch {
    return bytes.toString('latin1')
  }
}
