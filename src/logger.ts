import { messageOf } from './errors.js'
import { printable } from './util/printable.js'
import { callListener } from './util/call-listener.js'

/** Anything with these four methods is a logger: pino, winston, `console`. */
export interface Logger {
  debug(message: string): void
  info(message: string): void
  warn(message: string): void
  error(message: string): void
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
  const at = (level: keyof Logger) => (message: string) => {
    const line = printable(message)
    const failed = (error: unknown) => {
      if (!told)
        spare.error(`the logger of the options fails: ${messageOf(error)}; what it does not take is printed here`)
      told = true
      spare[level](line)
    }
    callListener((text: string) => logger[level](text), line, failed)
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function writeStderr(line: string): void {
  process.stderr.write(line)
}
