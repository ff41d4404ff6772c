import { messageOf } from './errors.js'
import { printable } from './util/printable.js'
import { callListener } from './util/call-listener.js'

/**
 * The facts of a message as a machine reads them: `service`, `instance` (`host:port`), `server` (of the registry), `dataId`,
 * `code` (of an error), `attempt`, times in milliseconds as `…Ms`. Never a secret.
 */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

/**
 * Anything with these four methods is a logger: winston, `console`, pino. The sentence says everything; the fields say parts
 * of it again, for a log that is searched. pino wants them first: `info: (message, fields) => pino.info(fields, message)`.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

/** Lowest first; `silent` prints nothing. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent']

/**
 * The default logger: one readable line per event to stderr, whatever the message holds (`util/printable.ts`).
 *
 * @param level lowest level that is printed. @default 'info'
 */
export function createLogger(level: LogLevel = 'info', write: (line: string) => void = writeStderr): Logger {
  const lowest = LEVELS.indexOf(level)
  const at = (own: LogLevel) => {
    const tag = own.toUpperCase().padEnd(5)
    return LEVELS.indexOf(own) < lowest
      ? () => {}
      : (message: string) => write(`${new Date().toISOString()} ${tag} nacos-sidecar ${printable(String(message))}\n`)
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/**
 * A logger that is handed one line a message, without control characters. One that fails harms nothing but its own lines: from
 * then on, what it does not take is printed by `spare`.
 */
export function escaping(logger: Logger, spare: Logger = createLogger('warn')): Logger {
  let told = false
  const at = (level: keyof Logger) => (message: string, fields?: LogFields) => {
    const line = printable(message)
    const args: [string, LogFields?] = fields ? [line, printableFields(fields)] : [line]
    const failed = (error: unknown) => {
      if (!told) spare.error(`the logger of the options failed: ${messageOf(error)}; its lines are printed here`)
      told = true
      spare[level](line)
    }
    callListener(() => logger[level](...args), undefined, failed)
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function printableFields(fields: LogFields): LogFields {
  const shown = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(shown.map(([name, value]) => [name, typeof value === 'string' ? printable(value) : value]))
}

export function writeStderr(line: string): void {
  process.stderr.write(line)
}
