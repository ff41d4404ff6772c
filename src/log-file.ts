import { closeSync, constants, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { messageOf } from './errors.js'
import type { Logger } from './logger.js'

/** Characters of the lines that are kept while the file cannot be written; then the oldest lines are lost. */
const MAX_KEPT = 1_000_000
/** So much is written at once when it works again. */
const CHUNK = 65_536
/** Time until the next try without a line; it doubles each time. */
const FIRST_RETRY_MS = 1_000
const MAX_RETRY_MS = 60_000

/**
 * Writes lines to the end of a file: opened for each line, so that it may be rotated at any time; written at once, so
 * that an exit loses none. While the file cannot be written (a full disk, no permission), its lines are kept within a limit, and
 * written when that works again. Both are reported to `logger`, once each.
 */
export function appendTo(file: string, logger: Pick<Logger, 'info' | 'warn'>): (line: string) => void {
  const path = resolve(file)
  const kept: string[] = []
  /** Characters of `kept`. */
  let size = 0
  let lost = 0
  /** A disk that fills up takes the beginning of a write: this is the rest. */
  let rest: Buffer | undefined
  let failing = false
  let retryMs = FIRST_RETRY_MS

  const keep = (line: string) => {
    size += line.length
    kept.push(line)
    while (size > MAX_KEPT) {
      size -= kept.shift()!.length
      lost++
    }
  }
  const next = (): Buffer | undefined => {
    let count = 0
    let length = 0
    while (count < kept.length && (count === 0 || length < CHUNK)) length += kept[count++]!.length
    size -= length
    return count === 0 ? undefined : Buffer.from(kept.splice(0, count).join(''))
  }
  const writeAll = () => {
    const fd = open(path)
    try {
      while ((rest ??= next()) !== undefined) {
        const written = writeSync(fd, rest)
        rest = written < rest.length ? rest.subarray(written) : undefined
      }
    } finally {
      closeSync(fd)
    }
  }
  const tryAll = () => {
    try {
      writeAll()
    } catch (error) {
      if (failing) return
      failing = true
      setTimeout(retry, (retryMs = FIRST_RETRY_MS)).unref()
      logger.warn(
        `sidecar.log-file ${path} cannot be written: ${messageOf(error)}; the last lines are kept until it can be`,
      )
      return
    }
    if (!failing) return
    const gap = lost > 0 ? `; ${lost} ${lost === 1 ? 'line is' : 'lines are'} lost` : ''
    failing = false
    lost = 0
    logger.info(`sidecar.log-file ${path} is written again${gap}`)
  }
  const retry = () => {
    if (!failing) return
    retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)
    tryAll()
    if (failing) setTimeout(retry, retryMs).unref()
  }
  return (line) => {
    keep(line)
    tryAll()
  }
}

/** A named pipe without a reader must not block the process: opening it fails instead. */
const APPEND = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | (constants.O_NONBLOCK ?? 0)

/**
 * Mode of a new file: other users must not read the addresses and services in it. The umask may restrict it further.
 */
const MODE = 0o640

function open(path: string): number {
  try {
    return openSync(path, APPEND, MODE)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    mkdirSync(dirname(path), { recursive: true })
    return openSync(path, APPEND, MODE)
  }
}
