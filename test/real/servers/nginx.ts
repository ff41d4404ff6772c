import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { unpackPackage } from './debian.js'
import { freePort } from './free-ports.js'
import { startProcess, statusOf, withAttempts } from './server-process.js'

const run = promisify(execFile)
const DEPLOYED = fileURLToPath(new URL('../../../examples/deploy/nginx/', import.meta.url))

/** nginx of this machine, or of Debian's package, with examples/deploy/nginx as its configuration. */
export interface Nginx {
  readonly url: string
  readonly port: number
  /** The list of servers, which may be written anew. */
  readonly upstreams: string
  /** How it is told something: `${command} -s reload`. */
  readonly command: string
  /** `nginx -t`: what it says of its files. */
  check(): Promise<string>
  stop(): Promise<void>
}

/** @param servers `host:port` of each instance; the flags are those of the file */
export function startNginx(folder: string, servers: readonly string[]): Promise<Nginx> {
  return withAttempts(3, async () => {
    const program = await nginxProgram()
    const port = await freePort([])
    const upstreams = join(folder, 'upstreams/orders.conf')
    writeConfiguration(folder, port, servers)
    const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')]
    const url = `http://127.0.0.1:${port}`
    const stop = await startProcess({
      ...{ name: 'nginx', command: program, readyWithinMs: 20_000 },
      args: () => [...args, '-g', 'daemon off;'],
      // It answers this by itself.
      ready: async () => (await statusOf(`${url}/actuator`)) === 404,
    })
    return {
      ...{ url, port, upstreams, command: [program, ...args].join(' ') },
      // Killed at once, the master would leave its workers behind.
      async stop() {
        await run(program, [...args, '-s', 'stop']).catch(() => {})
        for (let i = 0; i < 100 && existsSync(join(folder, 'nginx.pid')); i++) await sleep(50)
        await stop()
      },
      async check() {
        const { stderr } = await run(program, [...args, '-t'])
        return stderr
      },
    }
  })
}

/** On the path, or in the package. */
export async function nginxProgram(): Promise<string> {
  const own = '/usr/sbin/nginx'
  return existsSync(own) ? own : join(await unpackPackage('nginx'), own)
}

/** As Debian's nginx.conf includes the files, on a port and in folders of the test's own. */
function writeConfiguration(folder: string, port: number, servers: readonly string[]): void {
  for (const name of ['conf.d', 'upstreams']) mkdirSync(join(folder, name), { recursive: true })
  cpSync(join(DEPLOYED, 'orders.conf'), join(folder, 'conf.d/orders.conf'))
  replaceIn(join(folder, 'conf.d/orders.conf'), 'listen 80;', `listen 127.0.0.1:${port};`)
  const listed = readFileSync(join(DEPLOYED, 'upstreams/orders.conf'), 'utf8').match(/^server \S+(.*;)$/m)
  writeFileSync(
    join(folder, 'upstreams/orders.conf'),
    servers.map((server) => `server ${server}${listed![1]}\n`).join(''),
  )
  const own = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`)
  writeFileSync(
    join(folder, 'nginx.conf'),
    `pid ${folder}/nginx.pid;
worker_processes 2;
worker_shutdown_timeout 60s;
events { worker_connections 1024; }
http {
  access_log off;
  ${own.join('\n  ')}
  include conf.d/*.conf;
}
`,
  )
}

export function replaceIn(file: string, text: string, by: string): void {
  const content = readFileSync(file, 'utf8')
  if (!content.includes(text)) throw new Error(`${file} has no "${text}"`)
  writeFileSync(file, content.replace(text, by))
}
