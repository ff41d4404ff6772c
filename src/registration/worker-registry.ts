import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '../errors.js'
import type { Logger } from '../logger.js'
import type { ServiceInstance } from '../types.js'

/**
 * The processes that serve one instance: cluster workers behind one port, also those of PM2. Each one is a file, so
 * that no message from the primary or from a killed worker is needed.
 */
export interface WorkerRegistry {
  /** Before this process's first request to the registry. */
  add(): void
  /** After its last one. @returns true if no other process serves the instance */
  remove(): boolean
  /** True if no other process serves the instance. */
  isLast(): boolean
}

export interface WorkerRegistryOptions {
  readonly instance: ServiceInstance
  /** The same instance may be registered in two registries. */
  readonly servers: readonly string[]
  readonly logger: Logger
  /** @default a folder of this user's own in the system's temporary one */
  readonly folder?: string
}

/** Synchronous, because a crashing process must be removed as well. */
export function createWorkerRegistry({
  instance,
  servers,
  logger,
  folder = privateFolder(),
}: WorkerRegistryOptions): WorkerRegistry {
  const { namespace, group, service, cluster, ip, port } = instance
  const identity = JSON.stringify([[...servers].sort(), namespace, group, service, cluster, ip, port])
  const prefix = `${createHash('sha256').update(identity).digest('hex').slice(0, 32)}-`
  // The time is part of the name, so that a later process of the same pid is not mistaken for this one.
  const own = `${prefix}${process.pid}-${startOf(process.pid) ?? ''}`

  function isLast(): boolean {
    try {
      const peers = readdirSync(folder).filter((name) => name.startsWith(prefix) && name !== own)
      return !peers.some((name) => isAlive(join(folder, name), name.slice(prefix.length)))
    } catch {
      return true
    }
  }

  return {
    add() {
      try {
        makePrivate(folder)
        writeFileSync(join(folder, own), '')
      } catch (error) {
        logger.warn(
          `cluster workers cannot find each other (${messageOf(error)}): a worker that leaves deregisters ${ip}:${port} for all of them, until the next heartbeat of another worker`,
        )
      }
    },
    // The own file goes first: if two processes stop at once, at least one finds no other file.
    remove() {
      removeFile(join(folder, own))
      return isLast()
    },
    isLast,
  }
}

function privateFolder(): string {
  return join(tmpdir(), `nacos-sidecar-${userInfo().uid}`)
}

/** Every user can write to the temporary folder: a folder of another user is not used. */
function makePrivate(folder: string): void {
  mkdirSync(folder, { mode: 0o700, recursive: true })
  const found = lstatSync(folder)
  const { uid } = userInfo()
  if (!found.isDirectory() || (uid >= 0 && (found.uid !== uid || (found.mode & 0o022) !== 0)))
    throw new Error(`${folder} is not a folder that only this user can write to`)
}

function isAlive(file: string, process: string): boolean {
  const [, pid, start] = /^(\d+)-(\d*)$/.exec(process) ?? []
  if (pid === undefined) return false
  if (isRunning(Number(pid)) && (!start || start === startOf(Number(pid)))) return true
  removeFile(file)
  return false
}

function removeFile(file: string): void {
  try {
    rmSync(file, { force: true })
  } catch {
    // What cannot be removed will be seen to be dead.
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** When a process was started, in the kernel's own ticks; `undefined` where there is no /proc, or no such process. */
function startOf(pid: number): string | undefined {
  try {
    // The name of the program comes second, in parentheses, and may hold anything.
    const [state, ...rest] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)!.split(' ')
    return state === 'Z' ? undefined : rest[18]
  } catch {
    return undefined
  }
}
