import { execFile } from 'node:child_process'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { once } from 'node:events'
import type { DevServer } from 'nacos-sidecar/testing'
import { startChild, type Child } from '../../support/child.js'
import { tempFolder } from '../../support/temp-folder.js'
import { linkPackages } from '../servers/npm-packages.js'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')

/** The folder of files that people copy. */
export const DEPLOY = join(ROOT, 'examples/deploy')

/**
 * The service of examples/deploy/orders, built as its Dockerfile does, with its packages beside it.
 *
 * @param finished when its folder goes
 */
export async function builtOrders(finished?: (cleanUp: () => void) => void): Promise<string> {
  const folder = tempFolder({}, finished)
  cpSync(join(DEPLOY, 'orders'), folder, { recursive: true })
  linkPackages(folder, join(ROOT, 'node_modules'))
  // Its types are checked with those of the repository.
  await run(process.execPath, [TSC, '-p', folder, '--noCheck'])
  return folder
}

/** Settles when the instance of this port is in the registry. */
export function ordersRegistered(registry: DevServer, port: number): Promise<void> {
  const isThere = () => registry.services().some(({ instances }) => instances.some((one) => one.port === port))
  return new Promise((resolve) => {
    const look = () => {
      if (!isThere()) return
      registry.off('register', look)
      resolve()
    }
    registry.on('register', look)
    look()
  })
}

/** One instance of it, which is registered. */
export async function startOrders(
  folder: string,
  registry: DevServer,
  port: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Child> {
  const child = startChild(join(folder, 'dist/main.js'), {
    cwd: folder,
    env: {
      ...{ NODE_ENV: 'production', NACOS_SERVER: registry.address, NACOS_SERVICE_IP: '127.0.0.1', PORT: String(port) },
      ...env,
    },
  })
  const ended = once(child.process, 'exit').then(() => {
    throw new Error(`orders ended before it was registered\n${child.stderr}`)
  })
  await Promise.race([ordersRegistered(registry, port), ended])
  return child
}
