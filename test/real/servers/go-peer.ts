import { cpSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheFolder, sourcesHash } from './cache.js'
import { runTool } from './run-tool.js'

const SOURCES = fileURLToPath(new URL('../clients/go', import.meta.url))

/** The Go neighbour's program, built on first use. */
export async function buildGoPeer(): Promise<string> {
  const name = `go-peer-${sourcesHash(SOURCES)}`
  const built = join(cacheFolder(), name)
  if (!existsSync(built)) {
    const aside = mkdtempSync(join(cacheFolder(), `${name}.building-`))
    try {
      cpSync(SOURCES, aside, { recursive: true })
      console.log(`building ${name} with Go`)
      await runTool('go', ['build', '-o', 'peer', '.'], aside, join(cacheFolder(), `${name}.log`))
      if (!existsSync(built)) renameSync(aside, built)
    } finally {
      rmSync(aside, { recursive: true, force: true })
    }
  }
  return join(built, 'peer')
}
