import { SidecarError } from '../errors.js'

/** The command was written wrongly: exit code 2. */
export class UsageError extends SidecarError {
  constructor(message: string) {
    super('SIDECAR_SETTINGS_INVALID', message)
  }
}
// It is printed under the name that users know.
Object.defineProperty(UsageError, 'name', { value: 'SidecarError' })

/** Failed, or wrongly used; `undefined` for an end that is none, such as `--help`. */
export function exitCodeOf(error: unknown): 1 | 2 | undefined {
  if (error instanceof UsageError) return 2
  return isCommanders(error) ? (error.exitCode === 0 ? undefined : 2) : 1
}

/** It has printed its message by itself. */
export function isCommanders(error: unknown): error is { readonly exitCode: number } {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && code.startsWith('commander.')
}
