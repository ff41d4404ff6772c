import { currentTraceId } from './context.js'
import { appendTo } from './log-file.js'
import { createLogger, escaping, isLogged, type LogFields, type Logger, type LogLevel } from './logger.js'
import type { PropertyStore } from './properties/store.js'
import { masked } from './properties/secrets.js'
import { printable } from './util/printable.js'
import { mask } from './util/secrets.js'
import type { Settings } from './settings/schema.js'
import { logLevel } from './settings/kinds.js'

/** One line of the log. */
export interface LogEntry {
  readonly time: Date
  readonly level: keyof Logger
  readonly message: string
  /** @default none */
  readonly fields?: LogFields
}

/** The log of one sidecar. */
export interface SidecarLog {
  readonly logger: Logger
  /** Writes a line of the access log: at any level of the log, and not kept, for it would push all others out. */
  access(line: string, fields: LogFields): void
  /** The last lines, oldest first. */
  recent(): readonly LogEntry[]
  /** From now on `logging.level.nacos-sidecar` is read live: Nacos may change it. */
  followLevel(store: PropertyStore): void
  /** `configured`: what the settings or `setLevel` say; `undefined` where neither does. */
  level(): { readonly configured: LogLevel | undefined; readonly effective: LogLevel }
  /** Until the settings change, or for `undefined` until now: then theirs counts. */
  setLevel(level: LogLevel | undefined): void
}

const DEFAULT_LEVEL: LogLevel = 'info'
/** So many lines are kept. */
const MAX_RECENT = 500

/** The app's own logger, or the default one; `sidecar.log-file` beside it; each line with the trace of its request. */
export function openLog({ logging, sidecar }: Pick<Settings, 'logging' | 'sidecar'>, own?: Logger): SidecarLog {
  let configured = levelOf(logging.level['nacos-sidecar'])
  /** Set by hand. */
  let byHand: LogLevel | undefined
  let current = configured ?? DEFAULT_LEVEL
  const level = () => current
  const { format } = logging
  const main = own ? escaping(own) : createLogger(level, undefined, format)
  const outputs = [main]
  const accessOutputs = [own ? main : createLogger('info', undefined, format)]
  if (sidecar.logFile) {
    // The file tells of itself in every output, and in its own place in the file.
    const write = appendTo(sidecar.logFile, { info: (line) => logger.info(line), warn: (line) => logger.warn(line) })
    outputs.push(createLogger(level, write, format))
    accessOutputs.push(createLogger('info', write, format))
  }
  const entries: LogEntry[] = []

  const at = (as: keyof Logger) => (message: string, fields?: LogFields) => {
    const traced = withTrace(fields)
    if (isLogged(as, current)) {
      // What a logger is given has no secret; what is kept may be shown on a page, and is masked once more.
      const entry = { time: new Date(), level: as, message: printable(mask(message)) }
      if (entries.push(traced ? { ...entry, fields: masked([], traced) as LogFields } : entry) > MAX_RECENT)
        entries.shift()
    }
    for (const output of outputs) output[as](message, traced)
  }
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  function use(reason: string): void {
    const next = byHand ?? configured ?? DEFAULT_LEVEL
    if (next === current) return
    current = next
    logger.info(`the level of the log is ${next} from now on (${reason})`)
  }

  return {
    logger,
    access(line, fields) {
      const traced = withTrace(fields)
      for (const output of accessOutputs) output.info(line, traced)
    },
    recent: () => [...entries],
    level: () => ({ configured: byHand ?? configured, effective: current }),
    setLevel(next) {
      byHand = next
      use('/actuator/loggers')
    },
    followLevel(store) {
      let refused: unknown
      store.watch(() => {
        const value = store.get('logging.level.nacos-sidecar')
        const next = levelOf(value)
        const isWrong = next === undefined && value !== undefined && value !== null && value !== ''
        const isNews = isWrong && String(value) !== refused
        refused = isWrong ? String(value) : undefined
        if (isNews)
          logger.warn(
            `logging.level.nacos-sidecar: expected debug, info, warn, error or silent, got "${refused}". The level stays ${current}`,
          )
        if (isWrong || next === configured) return
        configured = next
        byHand = undefined
        use('logging.level.nacos-sidecar')
      })
    },
  }
}

function levelOf(value: unknown): LogLevel | undefined {
  return logLevel.safeParse(value).data
}

/** A line that a request caused can be found by its trace. */
function withTrace(fields: LogFields | undefined): LogFields | undefined {
  const traceId = currentTraceId()
  return traceId === undefined || fields?.['traceId'] !== undefined ? fields : { ...fields, traceId }
}
