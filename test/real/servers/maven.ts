import { cpSync } from 'node:fs'
import { basename, join } from 'node:path'
import { cached, cacheFolder, sourcesHash } from './cache.js'
import { runTool } from './run-tool.js'

/**
 * Builds a Maven project in a copy under the cache, once per content; returns the class path.
 *
 * @param profile of the project, where it has several.
 */
export async function mavenClassPath(sources: string, profile?: string): Promise<string> {
  const name = [basename(sources), ...(profile === undefined ? [] : [profile]), sourcesHash(sources)].join('-')
  const built = await cached(name, async (aside) => {
    cpSync(sources, aside, { recursive: true })
    console.log(`building ${name} with Maven`)
    const profiles = profile === undefined ? [] : [`-P${profile}`]
    await runTool('mvn', ['-B', '-q', ...profiles, 'package'], aside, join(cacheFolder(), `${name}.log`))
  })
  return [join(built, 'target', 'classes'), join(built, 'target', 'lib', '*')].join(':')
}
