import type { DirectAnswer } from '../adapters/adapter.js'
import type { LogLevel } from '../logger.js'
import type { SidecarLog } from '../logging.js'
import { logLevel } from '../settings/kinds.js'
import { isObject } from '../util/is-object.js'
import { errorAnswer, jsonAnswer, NO_CONTENT } from './answers.js'

/** The one logger whose level the sidecar sets. */
export const LOGGER = 'nacos-sidecar'

const LEVELS: Readonly<Record<LogLevel, string>> = {
  silent: 'OFF',
  error: 'ERROR',
  warn: 'WARN',
  info: 'INFO',
  debug: 'DEBUG',
}

type Levels = Pick<SidecarLog, 'level' | 'setLevel'>

export function loggersPage(log: Levels): DirectAnswer {
  return jsonAnswer({ levels: Object.values(LEVELS), loggers: { [LOGGER]: levelsOf(log) } })
}

export function loggerPage(log: Levels, name: string, path: string): DirectAnswer {
  return name === LOGGER ? jsonAnswer(levelsOf(log)) : errorAnswer(404, path)
}

/** `{ "configuredLevel": "DEBUG" }`; `null`, or none, is the level of the settings again. */
export function setLevel(log: Levels, name: string, body: unknown, path: string): DirectAnswer {
  if (name !== LOGGER) return errorAnswer(404, path)
  if (!isObject(body)) return errorAnswer(400, path, 'Expected {"configuredLevel":"DEBUG"}')
  const { configuredLevel = null } = body
  const { data: level } = logLevel.safeParse(configuredLevel)
  if (configuredLevel !== null && level === undefined)
    return errorAnswer(400, path, `Expected a level: ${Object.values(LEVELS).join(', ')}, or null`)
  log.setLevel(level)
  return NO_CONTENT
}

function levelsOf({ level }: Levels) {
  const { configured, effective } = level()
  return { ...(configured && { configuredLevel: LEVELS[configured] }), effectiveLevel: LEVELS[effective] }
}
