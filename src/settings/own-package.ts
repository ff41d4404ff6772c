import { join, sep } from 'node:path'
import { packageFolder, packageFolderAbove, readText } from './files.js'

/** What the package.json of a service says of it. */
export interface OwnPackage {
  readonly file: string
  readonly name?: string
  readonly version?: string
  readonly description?: string
}

/**
 * package.json of the service: that of the main script, else of the working directory. `undefined` where there is none, or one that
 * cannot be read.
 */
export function readOwnPackage(
  cwd = process.cwd(),
  main: string | undefined = process.argv[1],
): OwnPackage | undefined {
  const own = main === undefined ? undefined : packageFolder(main)
  // A process manager or a test runner starts the script: its package is not the service.
  const folder = own === undefined || /[/\\]node_modules[/\\]/.test(own + sep) ? packageFolderAbove(cwd) : own
  if (folder === undefined) return undefined
  const file = join(folder, 'package.json')
  try {
    const said = JSON.parse(readText(file, file)) as Record<string, unknown>
    const text = (key: 'name' | 'version' | 'description') =>
      typeof said[key] === 'string' && said[key] !== '' ? { [key]: said[key] } : {}
    return { file, ...text('name'), ...text('version'), ...text('description') }
  } catch {
    return undefined
  }
}
