import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, relative } from 'node:path'

/** Where servers are built once for every checkout: `NACOS_SIDECAR_CACHE`, else the user's cache folder. */
export function cacheFolder(): string {
  const folder =
    process.env['NACOS_SIDECAR_CACHE'] ??
    join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'nacos-sidecar')
  mkdirSync(folder, { recursive: true })
  return folder
}

/**
 * A folder of the cache, made on first use: aside, and moved into place whole. So one that was cut off, or that another
 * process makes at the same time, is never taken for a finished one.
 *
 * @returns its path
 */
export async function cached(name: string, make: (aside: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder(), name)
  if (existsSync(folder)) return folder
  const aside = mkdtempSync(`${folder}.building-`)
  try {
    await make(aside)
    moveIntoPlace(aside, folder)
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
  return folder
}

/** Leaves it aside where another process was first. */
export function moveIntoPlace(aside: string, folder: string): void {
  try {
    renameSync(aside, folder)
  } catch (error) {
    if (!existsSync(folder)) throw error
  }
}

/** Changes when any source does, so that an edited recipe is built anew. */
export function sourcesHash(folder: string): string {
  const hash = createHash('sha256')
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }).sort(byPath)) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    hash.update(relative(folder, path)).update('\0').update(readFileSync(path)).update('\0')
  }
  return hash.digest('hex').slice(0, 12)
}

const byPath = (a: { parentPath: string; name: string }, b: { parentPath: string; name: string }) =>
  join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1
