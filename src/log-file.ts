import { closeSync, constants, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { messageOf } from './errors.js'
import { createLogger, escaping, type LogFields, type Logger } from './logger.js'
import type { Settings } from './settings/schema.js'

/** The app's own logger, or the default one; and `sidecar.log-file` beside it. */
export function loggerFor(settings: Pick<Settings, 'logging' | 'sidecar'>, own?: Logger): Logger {
  const level = settings.logging.level['nacos-sidecar']
  const logger = own ? escaping(own) : createLogger(level)
  const { logFile } = settings.sidecar
  if (!logFile) return logger
  const path = resolve(logFile)
  const lost = (error: unknown) =>
    logger.warn(`sidecar.log-file ${path} cannot be written: ${messageOf(error)}; its lines are lost until that works`)
  return both(logger, createLogger(level, appendTo(path, lost)))
}

/** Opened for each line, so that it may be rotated at any time; written at once, so that an exit loses none. */
function appendTo(path: string, lost: (error: unknown) => void): (line: string) => void {
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

function both(one: Logger, other: Logger): Logger {
  const at = (level: keyof Logger) => (message: string, fields?: LogFields) => {
    one[level](message, fields)
    other[level](message, fields)
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
