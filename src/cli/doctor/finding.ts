/** What a check found. `warning` and `skipped` leave the exit code at 0. */
export interface Finding {
  /** Stable name: `node`, `settings`, `keys`, `placeholders`, `dns`, `tcp`, … */
  readonly check: CheckName
  readonly state: 'ok' | 'failed' | 'warning' | 'skipped'
  /** What was looked at, and what came of it. */
  readonly detail: string
  /** Of a failure and a warning. */
  readonly cause?: string
  readonly fix?: string
}

export type CheckName =
  | 'node'
  | 'settings'
  | 'keys'
  | 'placeholders'
  | 'service'
  | 'address'
  | 'port'
  | 'snapshots'
  | 'endpoint'
  | 'dns'
  | 'tcp'
  | 'grpc'
  | 'api'
  | 'login'
  | 'namespace'
  | 'clock'
  | 'auth'

export const ok = (check: CheckName, detail: string): Finding => ({ check, state: 'ok', detail })

export const skipped = (check: CheckName, detail: string): Finding => ({ check, state: 'skipped', detail })

export const failed = (check: CheckName, detail: string, cause: string, fix: string): Finding => ({
  ...{ check, state: 'failed', detail, cause, fix },
})

export const warned = (check: CheckName, detail: string, cause: string, fix: string): Finding => ({
  ...{ check, state: 'warning', detail, cause, fix },
})

/** Longest duration of one question to another machine. */
export const CHECK_MS = 3_000
