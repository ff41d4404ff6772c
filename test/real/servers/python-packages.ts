import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from './cache.js'
import { runTool } from './run-tool.js'

/**
 * A folder with this package of PyPI and what it depends on, for `PYTHONPATH`; installed on first use.
 *
 * @param also what it needs and does not say
 */
export async function pythonPackages(name: string, version: string, also: readonly string[] = []): Promise<string> {
  const folder = join(cacheFolder(), `python-${name}-${version}`)
  if (existsSync(folder)) return folder
  const aside = mkdtempSync(`${folder}.building-`)
  try {
    console.log(`installing ${name} ${version} with pip`)
    const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', aside]
    await runTool('python3', [...args, `${name}==${version}`, ...also], cacheFolder(), `${folder}.log`)
    if (!existsSync(folder)) renameSync(aside, folder)
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
  return folder
}
