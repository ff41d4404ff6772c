import { messageOf } from './errors.js'
import { printable } from './util/printable.js'
import { callListener } from './util/call-listener.js'
import { mask } from './util/secrets.js'

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

/** `text`: a sentence for people. `json`: one object a line, for a collector. */
export type LogFormat = 'text' | 'json'

/** Whether a line of this level is printed where `lowest` is the lowest one. */
export function isLogged(level: keyof Logger, lowest: LogLevel): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(lowest)
}

/**
 * The default logger: one line per event to stderr, whatever the message holds (`util/printable.ts`). As `json` it has `time`,
 * `level`, `logger`, `message` and the fields; as `text` the sentence, with the trace of the request where there is one.
 *
 * @param level lowest level that is printed, or where to look for it each time. @default 'info'
 * @param format @default 'text'
 */
export function createLogger(
  level: LogLevel | (() => LogLevel) = 'info',
  write: (line: string) => void = writeStderr,
  format: LogFormat = 'text',
): Logger {
  const lowest = typeof level === 'function' ? level : () => level
  const lineOf = format === 'json' ? jsonLine : textLine
  const at = (own: keyof Logger) => (message: string, fields?: LogFields) => {
    if (isLogged(own, lowest())) write(`${lineOf(own, textOf(message), fields)}\n`)
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function textLine(level: keyof Logger, message: string, fields: LogFields | undefined): string {
  const trace = fields?.['traceId'] === undefined ? '' : ` traceId=${fields['traceId']}`
  return `${new Date().toISOString()} ${level.toUpperCase().padEnd(5)} nacos-sidecar ${printable(message)}${trace}`
}

function jsonLine(level: keyof Logger, message: string, fields: LogFields | undefined): string {
  const fixed = { time: new Date().toISOString(), level, logger: 'nacos-sidecar', message: printable(message) }
  try {
    return JSON.stringify({ ...fixed, ...(fields && printableFields(fields)), ...fixed })
  } catch {
    // A logger of the app may be given anything: what JSON has no form for, or what cannot be read.
    const safe = Object.keys(fields ?? {}).map((name) => [name, readable(fields!, name)])
    return JSON.stringify({ ...fixed, ...Object.fromEntries(safe), ...fixed })
  }
}

function readable(fields: LogFields, name: string): string {
  try {
    return printable(textOf(fields[name]))
  } catch (error) {
    return printable(messageOf(error))
  }
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : messageOf(value))

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
      if (!told) spare.error(`the logger of the options failed: ${mask(messageOf(error))}; its lines are printed here`)
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

/** A full disk behind stderr, or a pipe that its reader has closed, must not end the process: Node throws where an error of it is not heard. */
export function writeStderr(line: string): void {
  try {
    process.stderr.write(line, hearError)
  } catch {
    // The line is lost.
  }
}

function hearError(error?: Error | null): void {
  if (error && process.stderr.listenerCount('error') === 0) process.stderr.once('error', () => {})
}
