import { createHash } from 'node:crypto'
import { chmod, lstat, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../errors.js'
import type { Logger } from '../logger.js'
import { encodeSnapshot, decodeSnapshot, type SavedSnapshot, type SnapshotKey } from './snapshot-format.js'
import { isForeign, readPlainFile, TEMPORARY_FILE, writeAtomic } from './atomic-file.js'

/** The last answers of the registry, kept for a start without it. No method rejects: at worst it is memory only. */
export interface SnapshotFolder {
  /** `undefined` for none, and for one that cannot be trusted: that one is set aside. */
  read(key: SnapshotKey): Promise<SavedSnapshot | undefined>
  /** Written soon, one after the other; of several for one key the last. @param body made when it is its turn. */
  save(key: SnapshotKey, body: () => Iterable<Uint8Array>): void
  remove(key: SnapshotKey): void
  /** Writes what is waiting, for at most a second. */
  close(): Promise<void>
}

interface Task {
  readonly key: SnapshotKey
  readonly savedAt: Date
  /** `undefined` removes the file. */
  readonly body: (() => Iterable<Uint8Array>) | undefined
}

const MAX_BYTES = 256 * 1024 * 1024
const RETRY_MS = 60_000
const CLOSE_MS = 1_000
/** A temporary file this old is a leftover: no process writes it any more. */
const LEFT_BEHIND_MS = 60_000

/** @param folder made when something is saved, for its owner only. */
export function openSnapshotFolder(folder: string, logger: Logger): SnapshotFolder {
  return new Folder(folder, logger)
}

class Folder implements SnapshotFolder {
  private readonly waiting = new Map<string, Task>()
  private ready = false
  private failed = false
  private closed = false
  private writing: Promise<void> | undefined
  private retry: NodeJS.Timeout | undefined

  constructor(
    private readonly folder: string,
    private readonly logger: Logger,
  ) {}

  async read(key: SnapshotKey): Promise<SavedSnapshot | undefined> {
    const path = join(this.folder, fileOf(key))
    try {
      if (!(await this.isOwn())) return undefined
      const bytes = await readPlainFile(path, MAX_BYTES)
      return bytes && decodeSnapshot(key, bytes)
    } catch (error) {
      const aside = `${path}.bad`
      const moved = await rename(path, aside).then(
        () => `it is set aside as ${aside}`,
        () => 'it is ignored',
      )
      this.logger.warn(
        `The snapshot of ${key.slice(1).join('/')} in ${path} cannot be used: ${messageOf(error)}; ${moved}`,
      )
      return undefined
    }
  }

  save(key: SnapshotKey, body: () => Iterable<Uint8Array>): void {
    this.put({ key, savedAt: new Date(), body })
  }

  remove(key: SnapshotKey): void {
    this.put({ key, savedAt: new Date(), body: undefined })
  }

  async close(): Promise<void> {
    this.closed = true
    clearTimeout(this.retry)
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_MS)))
    await Promise.race([this.writing, limit])
    clearTimeout(timer)
  }

  private put(task: Task): void {
    if (this.closed) return
    this.waiting.set(fileOf(task.key), task)
    if (!this.retry) this.write()
  }

  private write(): void {
    this.writing ??= this.writeAll().finally(() => {
      this.writing = undefined
      if (this.waiting.size > 0 && !this.retry && !this.closed) this.write()
    })
  }

  private async writeAll(): Promise<void> {
    for (const [file, task] of this.waiting) {
      this.waiting.delete(file)
      try {
        await this.perform(join(this.folder, file), task)
      } catch (error) {
        if (!this.waiting.has(file)) this.waiting.set(file, task)
        return this.pause(error)
      }
    }
    if (!this.failed) return
    this.failed = false
    this.logger.info(`Snapshots are kept in ${this.folder} again`)
  }

  private async perform(path: string, task: Task): Promise<void> {
    if (this.ready) {
      try {
        return await this.carryOut(path, task)
      } catch (error) {
        // The folder was deleted meanwhile: it is created again.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
    }
    await this.prepare()
    this.ready = true
    await this.carryOut(path, task)
  }

  private async carryOut(path: string, { key, savedAt, body }: Task): Promise<void> {
    if (body) await writeAtomic(path, encodeSnapshot(key, savedAt, body()))
    else await rm(path, { force: true })
  }

  /** A disk that is full or read-only: logged once, retried now and then. */
  private pause(error: unknown): void {
    this.ready = false
    if (!this.failed) {
      this.logger.warn(
        `Snapshots cannot be kept in ${this.folder}: ${messageOf(error)}; services and configs are held in memory only. ` +
          'Make the folder writable, or set sidecar.snapshot-dir to another one or to off',
      )
    }
    this.failed = true
    if (this.closed) return
    this.retry = setTimeout(() => {
      this.retry = undefined
      this.write()
    }, RETRY_MS).unref()
  }

  private async prepare(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 })
    const { mode, own } = await inspect(this.folder)
    if (!own) throw new Error('it is a link or belongs to another user')
    if ((mode & 0o077) !== 0) await chmod(this.folder, 0o700)
    for (const name of await readdir(this.folder)) {
      if (!TEMPORARY_FILE.test(name)) continue
      const path = join(this.folder, name)
      const ageMs = await stat(path).then(({ mtimeMs }) => Date.now() - mtimeMs, () => 0) // prettier-ignore
      if (ageMs > LEFT_BEHIND_MS) await rm(path, { force: true })
    }
  }

  private async isOwn(): Promise<boolean> {
    try {
      return (await inspect(this.folder)).own
    } catch {
      return false // there is none yet
    }
  }
}

async function inspect(folder: string): Promise<{ mode: number; own: boolean }> {
  const found = await lstat(folder)
  return { mode: found.mode, own: found.isDirectory() && !isForeign(found.uid) }
}

/** A hash: a data id may hold `../`, differ from another by case only, or be longer than a file name may be. */
function fileOf(key: SnapshotKey): string {
  return `${key[0]}-${createHash('sha256').update(JSON.stringify(key)).digest('hex')}`
}
