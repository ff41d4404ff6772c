import { join } from 'node:path'
import { cached, cacheFolder } from './cache.js'
import { runTool } from './run-tool.js'

/**
 * A folder with this package of PyPI and what it depends on, for `PYTHONPATH`; installed on first use.
 *
 * @param also what it needs and does not say
 */
export function pythonPackages(name: string, version: string, also: readonly string[] = []): Promise<string> {
  const own = `python-${name}-${version}`
  return cached(own, async (aside) => {
    console.log(`installing ${name} ${version} with pip`)
    const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', aside]
    const log = join(cacheFolder(), `${own}.log`)
    await runTool('python3', [...args, `${name}==${version}`, ...also], cacheFolder(), log)
  })
}
