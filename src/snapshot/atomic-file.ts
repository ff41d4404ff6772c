import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { open, rename, rm, writeFile } from 'node:fs/promises'

/** The file that a process killed in mid-write leaves behind. */
export const TEMPORARY_FILE = /\.[0-9a-f]{12}\.tmp$/

// Windows has no such flag, and no way for another user to put a link there.
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0

/** Replaces a file as a whole: after a crash it is the old one or the new one. Readable by its owner only. */
export async function writeAtomic(path: string, chunks: Iterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | NO_FOLLOW
  const file = await open(temporary, flags, 0o600)
  try {
    try {
      // Chunk by chunk: a list of 10,000 instances is never encoded in one go.
      await writeFile(file, chunks)
      await file.sync()
    } finally {
      await file.close()
    }
    // A link that stands there is replaced itself, never what it points to.
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
}

/**
 * A whole file; `undefined` where there is none.
 *
 * @throws Error for a link, anything but a plain file, a file of another user, one above `maxBytes`.
 */
export async function readPlainFile(path: string, maxBytes: number): Promise<Buffer | undefined> {
  let file
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | NO_FOLLOW)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw code === 'ELOOP' ? new Error('it is a symbolic link', { cause: error }) : error
  }
  try {
    const { uid, size, isFile } = await file.stat().then((stat) => ({ ...stat, isFile: stat.isFile() }))
    if (!isFile) throw new Error('it is no plain file')
    if (isForeign(uid)) throw new Error('it belongs to another user')
    if (size > maxBytes) throw new Error(`it has ${size} bytes, more than ${maxBytes}`)
    return await file.readFile()
  } finally {
    await file.close()
  }
}

/** Windows knows no user ids. */
export function isForeign(uid: number): boolean {
  return process.geteuid !== undefined && uid !== process.geteuid()
}
