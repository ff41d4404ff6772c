import { Readable } from 'node:stream'
import { throwInvalidCall } from './invalid-call.js'

/** A stream of Node, of older libraries too, which may know nothing but `pipe`. */
export interface NodeStream extends NodeJS.EventEmitter {
  pipe<T extends NodeJS.WritableStream>(target: T): T
  destroy?(): void
}

export function isNodeStream(value: object): value is NodeStream {
  const { pipe, on } = value as Partial<NodeStream>
  return value instanceof Readable || (typeof pipe === 'function' && typeof on === 'function')
}

export function isAsyncIterable(value: object): value is AsyncIterable<Uint8Array> {
  return typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function'
}

/** What is read once, and has to be closed. */
export function isStream(value: object): boolean {
  return isNodeStream(value) || value instanceof ReadableStream || value instanceof Response
}

/** @throws SidecarError `SIDECAR_CALL_INVALID` for a stream that has been read, or is being read, by others */
export function checkUnread(stream: object): void {
  const { destroyed, readableEnded, locked, bodyUsed } = stream as Partial<Readable> & {
    locked?: boolean
    bodyUsed?: boolean
  }
  if (locked === true || bodyUsed === true) throwInvalidCall('body is locked: something else reads it, or has read it')
  if (destroyed === true || readableEnded === true) throwInvalidCall('body is a stream that has ended or was destroyed')
}

/** Closes what a call was to send and did not: a file that is open, or the answer of another call. */
export function discardStream(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (isNodeStream(value)) {
    value.on('error', () => {}) // what a file that was never opened says now is of no interest
    value.destroy?.()
  } else if (value instanceof ReadableStream && !value.locked) {
    value.cancel().catch(() => {})
  } else if (value instanceof Response && value.body !== null && !value.bodyUsed) {
    value.body.cancel().catch(() => {})
  }
}
