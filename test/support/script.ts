import { fileURLToPath } from 'node:url'
import { startChild, type Child } from './child.js'
import { tempFolder } from './temp-folder.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface ScriptOptions {
  /** @default none: nothing is read */
  readonly bootstrap?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly execArgv?: readonly string[]
  /** @default 'module' */
  readonly type?: 'module' | 'commonjs'
}

/**
 * Runs a few lines in a process of their own, as a user would: `nacos-sidecar` is the built package. `say(type, more)`
 * prints a message for the test.
 */
export function startScript(source: string, { bootstrap, env, execArgv = [], type = 'module' }: ScriptOptions): Child {
  const say = `const say = (type, more = {}) => console.log(JSON.stringify({ type, ...more }));`
  return startChild('script', {
    // Inside the project the package finds itself by its name.
    cwd: ROOT,
    execArgv: [...execArgv, `--input-type=${type}`, '--eval', `${say}\n${source}`],
    env: { ...(bootstrap !== undefined && { SIDECAR_CONFIG: tempFolder({ 'bootstrap.yml': bootstrap }) }), ...env },
  })
}
