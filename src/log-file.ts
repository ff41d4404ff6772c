import { closeSync, constants, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { messageOf } from './errors.js'
import type { Logger } from './logger.js'

/**
 * Writes lines to the end of a file: opened for each line, so that it may be rotated at any time; written at once, so
 * that an exit loses none. The first line that it cannot write is reported to `logger`.
 */
export function appendTo(file: string, logger: Logger): (line: string) => void {
  const path = resolve(file)
  const lost = (error: unknown) =>
    logger.warn(`sidecar.log-file ${path} cannot be written: ${messageOf(error)}; its lines are lost until that works`)
  let failing = false
  return (line) => {
    try {
      append(path, line)
      failing = false
    } catch (error) {
      if (!failing) lost(error)
      failing = true
    }
  }
}

/** A named pipe without a reader must not block the process: opening it fails instead. */
const APPEND = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | (constants.O_NONBLOCK ?? 0)

/**
 * Mode of a new file: other users must not read the addresses and services in it. The umask may restrict it further.
 */
const MODE = 0o640

function append(path: string, line: string): void {
  const file = open(path)
  try {
    writeFileSync(file, line)
  } finally {
    closeSync(file)
  }
}

function open(path: string): number {
  try {
    return openSync(path, APPEND, MODE)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    mkdirSync(dirname(path), { recursive: true })
    return openSync(path, APPEND, MODE)
  }
}
