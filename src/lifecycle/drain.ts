import { isatty } from 'node:tty'
import type { LeaveSignal } from './signals.js'

/** Why nobody wants to wait for a drain now, or `undefined`. */
export function reasonNotToDrain(
  signal: LeaveSignal | undefined,
  env: NodeJS.ProcessEnv = process.env,
  terminal: boolean = isatty(0) || isatty(1),
): string | undefined {
  if (signal === 'SIGINT') return 'SIGINT asks for a quick end'
  if (signal === undefined) return undefined
  if (env['WATCH_REPORT_DEPENDENCIES']) return 'node --watch wants to restart'
  if (terminal) return 'the process runs in a terminal'
  return undefined
}
