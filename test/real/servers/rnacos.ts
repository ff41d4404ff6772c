import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from './cache.js'
import { freePort } from './free-ports.js'
import { TOKEN_TTL_SECONDS, type StartedServer } from './real-server.js'
import { runTool } from './run-tool.js'
import { canLogIn, canStoreConfig, startProcess, withAttempts } from './server-process.js'

const VERSION = '0.8.8'

/** r-nacos from crates.io, built into the cache on first use (about 10 minutes on 2 cores). */
export async function startRnacos(auth: boolean): Promise<StartedServer> {
  const command = await installRnacos()
  // One start in four, 0.8.8 loses a race with itself on a fresh data folder (a panic in its raft log) and lives on
  // without users and configs; another start is the cure.
  return withAttempts(10, () => start(command, auth))
}

async function start(command: string, auth: boolean): Promise<StartedServer> {
  const port = await freePort([1000, 1002])
  const server = `127.0.0.1:${port}`
  const name = `r-nacos ${VERSION}${auth ? ' with auth' : ''}`
  const stop = await startProcess({
    name,
    command,
    args: () => [],
    env: (folder) => ({
      RNACOS_HTTP_PORT: String(port),
      RNACOS_GRPC_PORT: String(port + 1000),
      RNACOS_HTTP_CONSOLE_PORT: String(port + 1002),
      RNACOS_DATA_DIR: join(folder, 'data'),
      RNACOS_ENABLE_OPEN_API_AUTH: String(auth),
      RNACOS_API_LOGIN_TIMEOUT: String(TOKEN_TTL_SECONDS),
      // The suite logs in wrongly on purpose; the default locks the user out after a few.
      RNACOS_API_LOGIN_ONE_MINUTE_LIMIT: '1000',
    }),
    ready: () => (auth ? canLogIn(server, 'admin', 'admin') : canStoreConfig(server)),
    readyWithinMs: 8_000,
    broken: /panicked at/,
  })
  return { name, server, stop, ...(auth && { username: 'admin', password: 'admin' }) }
}

let installing: Promise<string> | undefined

/** Once in a process. */
export function installRnacos(): Promise<string> {
  return (installing ??= install())
}

async function install(): Promise<string> {
  const root = join(cacheFolder(), `rnacos-${VERSION}`)
  const binary = join(root, 'bin', 'rnacos')
  if (!existsSync(binary)) {
    const logFile = join(cacheFolder(), `rnacos-${VERSION}.log`)
    console.log(`installing r-nacos ${VERSION} with cargo, once: about 10 minutes on 2 cores (log: ${logFile})`)
    const args = ['install', 'rnacos', '--version', VERSION, '--locked', '--root', root]
    await runTool('cargo', args, cacheFolder(), logFile)
  }
  return binary
}
