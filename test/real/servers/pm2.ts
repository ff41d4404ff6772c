import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { npmPackages } from './npm-packages.js'

const run = promisify(execFile)

/** PM2 of npm, with a daemon of its own. */
export interface Pm2 {
  /** `pm2 ${args}`: what it printed. */
  command(...args: readonly string[]): Promise<string>
  /** Ends the daemon and what it runs. */
  stop(): Promise<void>
}

export const pm2Packages = (): Promise<string> => npmPackages('pm2', ['pm2@7'])

/** @param folder of the app; @param env of its processes */
export async function startPm2(folder: string, env: NodeJS.ProcessEnv): Promise<Pm2> {
  const main = join(await pm2Packages(), 'pm2/bin/pm2')
  // Short: it holds the sockets of the daemon.
  const home = mkdtempSync(join(tmpdir(), 'pm2-'))
  // Without it the first start asks PM2's own server for its newest version.
  writeFileSync(join(home, 'touch'), '')
  const options = {
    cwd: folder,
    maxBuffer: 1 << 24,
    env: {
      ...process.env,
      ...{ NODE_ENV: undefined, VITEST: undefined, NODE_OPTIONS: undefined },
      ...{ PM2_HOME: home, PM2_DISABLE_VERSION_CHECK: 'true', ...env },
    },
  }
  const command = async (...args: readonly string[]) =>
    (await run(process.execPath, [main, ...args, '--no-color'], options)).stdout
  return {
    command,
    async stop() {
      await command('kill')
      rmSync(home, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
