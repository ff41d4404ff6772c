import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DirectAnswer } from '../adapters/adapter.js'
import { masked } from '../properties/secrets.js'
import type { PropertyStore } from '../properties/store.js'
import { packageFolder, packageFolderAbove } from '../settings/files.js'
import { isObject } from '../util/is-object.js'
import { jsonAnswer } from './answers.js'

export interface InfoOptions {
  readonly store: PropertyStore
  /** `application.name` */
  readonly application: string | undefined
  readonly showsInfo: () => boolean
}

/** Name and version of the app, the version of Node, and the keys below `info`, as `info.app.*` and `info.git.*`; secrets masked. */
export function createInfoPage({ store, application, showsInfo }: InfoOptions): () => DirectAnswer {
  let known: { readonly name?: string; readonly version?: string } | undefined
  return () => {
    known ??= readPackage()
    const name = application ?? known.name
    const own = { app: { ...(name && { name }), ...(known.version && { version: known.version }) } }
    const written = showsInfo() ? store.get('info') : undefined
    const info = isObject(written) ? (masked(['info'], written) as Record<string, unknown>) : {}
    const app = isObject(info['app']) ? { ...own.app, ...info['app'] } : own.app
    return jsonAnswer({ ...info, app, node: { version: process.versions.node } })
  }
}

/** package.json of the app: that of the main script, else of the working directory. */
function readPackage(): { readonly name?: string; readonly version?: string } {
  try {
    const main = process.argv[1]
    const folder = (main && packageFolder(main)) ?? packageFolderAbove(process.cwd())
    if (!folder) return {}
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>
    return { ...(typeof name === 'string' && { name }), ...(typeof version === 'string' && { version }) }
  } catch {
    return {}
  }
}
