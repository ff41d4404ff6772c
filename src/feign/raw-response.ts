import type { SidecarErrorCode } from '../errors.js'
import { DRAIN_HEADER } from '../drain-header.js'
import type { ServiceInstance } from '../types.js'
import type { AttemptRules } from '../calls/attempts.js'
import type { FeignError } from './errors.js'
import { PooledAttempts } from '../calls/pooled-attempts.js'
import { hasNoBody } from '../calls/retry.js'
import { loadedUndici } from '../util/undici.js'

/** A whole response, neither decoded nor checked. */
export interface RawResponse {
  readonly status: number
  readonly contentType: string | undefined
  /** Decompressed; `undefined` where it is empty. */
  readonly bytes: Buffer | undefined
  /** Names in lower case. */
  headers(): Record<string, string | string[]>
  readonly instance: ServiceInstance | undefined
  readonly attempts: number
  /** The error of this call. */
  fail(code: SidecarErrorCode, why: string, body?: unknown, cause?: unknown): FeignError
}

const NO_HEADERS: Buffer[] = []

/**
 * Takes the answer of the present attempt in as undici hands it over: raw headers, then chunks. It stands on the
 * attempts, so that a call with its answer is one object.
 */
export abstract class ResponseCollector<Rules extends AttemptRules> extends PooledAttempts<Rules> {
  status = 0
  contentType: string | undefined
  bytes: Buffer | undefined
  protected encoding: string | undefined
  /** Bytes that have come. */
  protected size = 0
  private rawHeaders: Buffer[] = NO_HEADERS
  private chunks: Buffer[] | undefined

  headers(): Record<string, string | string[]> {
    return loadedUndici()!.parseHeaders(this.rawHeaders)
  }

  /** @returns the length the head announces; 0 where it does not */
  protected readHead(status: number, rawHeaders: Buffer[]): number {
    this.status = status
    this.rawHeaders = rawHeaders
    const type = rawValue(rawHeaders, 'content-type')
    this.contentType = type === undefined ? undefined : typeText(type)
    this.encoding = rawHeader(rawHeaders, 'content-encoding')
    const mark = rawHeader(rawHeaders, DRAIN_HEADER)
    if (mark !== undefined) this.onDrainHeader(mark)
    const length = rawValue(rawHeaders, 'content-length')
    return length === undefined ? 0 : decimal(length)
  }

  /** Whether the answer is complete with its head, although the head may announce a body. */
  protected get endsWithHead(): boolean {
    return hasNoBody(this.status)
  }

  /** After an answer without a body: whether bytes may follow all the same, so that the connection is of no use. */
  protected get bytesMayFollow(): boolean {
    const length = rawHeader(this.rawHeaders, 'content-length')
    const chunked = rawHeader(this.rawHeaders, 'transfer-encoding') !== undefined
    // A 205 without a length goes on until the connection ends.
    return chunked || (length === undefined ? this.status === 205 : Number(length) !== 0)
  }

  protected add(chunk: Buffer): void {
    this.size += chunk.length
    // Nearly every answer is one chunk: it is the body as it is.
    if (this.bytes === undefined) this.bytes = chunk
    else (this.chunks ??= [this.bytes]).push(chunk)
  }

  protected join(): void {
    if (this.chunks !== undefined) this.bytes = Buffer.concat(this.chunks, this.size)
  }

  /** Forgets what a broken attempt left. */
  protected clear(): void {
    this.status = this.size = 0
    this.contentType = this.encoding = this.bytes = this.chunks = undefined
  }
}

/**
 * One header out of undici's raw ones, without making strings of the others.
 *
 * @param name in lower case, letters and hyphens only
 */
function rawHeader(rawHeaders: readonly Buffer[], name: string): string | undefined {
  return rawValue(rawHeaders, name)?.toString('latin1')
}

function rawValue(rawHeaders: readonly Buffer[], name: string): Buffer | undefined {
  for (let i = 0; i < rawHeaders.length; i += 2) if (isNamed(rawHeaders[i]!, name)) return rawHeaders[i + 1]
  return undefined
}

/** Nearly all answers are of one type: to compare it costs less than to make the text of it again. */
let lastType = { bytes: Buffer.alloc(0), text: '' }

function typeText(bytes: Buffer): string {
  if (!isSame(bytes, lastType.bytes)) lastType = { bytes: Buffer.from(bytes), text: bytes.toString('latin1') }
  return lastType.text
}

function isSame(a: Buffer, b: Buffer): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** As `Number` reads it, without a text in between where it is digits alone. */
function decimal(bytes: Buffer): number {
  let value = 0
  for (let i = 0; i < bytes.length; i++) {
    const digit = bytes[i]! - 0x30
    if (digit < 0 || digit > 9) return Number(bytes.toString('latin1'))
    value = value * 10 + digit
  }
  return value
}

function isNamed(bytes: Buffer, name: string): boolean {
  if (bytes.length !== name.length) return false
  // Setting the bit makes lower case of a letter and leaves a hyphen what it is.
  for (let i = 0; i < name.length; i++) if ((bytes[i]! | 0x20) !== name.charCodeAt(i)) return false
  return true
}
