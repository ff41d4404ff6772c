import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** Whose answers are kept: another registry, namespace or user has a folder of its own. */
export interface SnapshotOwner {
  /** `host:port`, in any order. */
  readonly servers: readonly string[]
  readonly contextPath: string
  readonly namespace: string
  /** The user: one user's documents must not reach another. */
  readonly user: string | undefined
}

const OFF = /^(off|false|no)$/i

/**
 * The folder for snapshots; `undefined` where they are switched off.
 *
 * @param setting `sidecar.snapshot-dir`: a folder, or `off`.
 * @default $XDG_STATE_HOME, $XDG_CACHE_HOME or ~/.cache, and below it nacos-sidecar/<one per registry and namespace>
 */
export function snapshotLocation(
  setting: string | undefined,
  owner: SnapshotOwner,
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  if (setting !== undefined && OFF.test(setting)) return undefined
  const root = setting ? resolve(setting) : stateFolder(env)
  const { servers, contextPath, namespace, user } = owner
  const identity = JSON.stringify([[...servers].sort(), contextPath, namespace, user ?? ''])
  return join(root, createHash('sha256').update(identity).digest('hex').slice(0, 32))
}

/** $XDG_STATE_HOME, $XDG_CACHE_HOME or ~/.cache, and below it nacos-sidecar: what outlives a process. */
export function stateFolder(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_STATE_HOME'] || env['XDG_CACHE_HOME'] || cacheOfUser(), 'nacos-sidecar')
}

function cacheOfUser(): string {
  try {
    return join(homedir(), '.cache')
  } catch {
    return resolve('/.cache') // a container's user without a name; that it cannot be written is said once
  }
}
