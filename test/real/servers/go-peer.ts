import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cached, cacheFolder, sourcesHash } from './cache.js'
import { runTool } from './run-tool.js'

const SOURCES = fileURLToPath(new URL('../clients/go', import.meta.url))

/** The Go neighbour's program, built on first use. */
export async function buildGoPeer(): Promise<string> {
  const name = `go-peer-${sourcesHash(SOURCES)}`
  const built = await cached(name, async (aside) => {
    cpSync(SOURCES, aside, { recursive: true })
    console.log(`building ${name} with Go`)
    await runTool('go', ['build', '-o', 'peer', '.'], aside, join(cacheFolder(), `${name}.log`))
  })
  return join(built, 'peer')
}
