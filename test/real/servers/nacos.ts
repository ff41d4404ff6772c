import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-ports.js'
import { mavenClassPath } from './maven.js'
import { TOKEN_TTL_SECONDS, type StartedServer } from './real-server.js'
import { canLogIn, startProcess, statusOf, withAttempts } from './server-process.js'

const SOURCES = fileURLToPath(new URL('../nacos', import.meta.url))

/** Nacos 2.2.4 from the jars on Maven Central (150 MB on first use). */
export async function startNacos(auth: boolean): Promise<StartedServer> {
  const classPath = await buildNacos()
  // One after the other: a start takes both cores of a small machine, and its database has 10 s to come up.
  const started = starting.then(() => withAttempts(2, () => start(classPath, auth)))
  starting = started.catch(() => {})
  return started
}

let starting: Promise<unknown> = Promise.resolve()

let building: Promise<string> | undefined

/** Once in a process. */
export function buildNacos(): Promise<string> {
  return (building ??= mavenClassPath(SOURCES))
}

async function start(classPath: string, auth: boolean): Promise<StartedServer> {
  // gRPC at +1000 and +1001, raft at −1000.
  const port = await freePort([1000, 1001, -1000])
  const server = `127.0.0.1:${port}`
  const name = `Nacos 2.2.4${auth ? ' with auth' : ''}`
  const stop = await startProcess({
    name,
    command: 'java',
    args: (folder) => [
      ...['-Xms256m', '-Xmx768m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
      ...['-Dnacos.standalone=true', `-Dnacos.home=${folder}`, '-Dnacos.server.ip=127.0.0.1'],
      // Its database need not outlive it: without waiting for the disk.
      '-Dderby.system.durability=test',
      ...['-cp', classPath, 'mini.NacosMini'],
      ...[`--server.port=${port}`, '--server.address=127.0.0.1'],
      ...[`--nacos.core.auth.enabled=${auth}`, '--nacos.core.auth.system.type=nacos'],
      `--nacos.core.auth.plugin.nacos.token.secret.key=${randomBytes(32).toString('base64')}`,
      `--nacos.core.auth.plugin.nacos.token.expire.seconds=${TOKEN_TTL_SECONDS}`,
      ...['--nacos.core.auth.server.identity.key=k', '--nacos.core.auth.server.identity.value=v'],
    ],
    ready: async () =>
      (await statusOf(`http://${server}/nacos/v1/console/health/readiness`)) === 200 &&
      (!auth || (await canLogIn(server, 'nacos', 'nacos'))),
    readyWithinMs: 180_000,
  })
  return { name, server, stop, ...(auth && { username: 'nacos', password: 'nacos' }) }
}
