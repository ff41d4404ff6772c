import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { librariesIn, newestPackage, unpackPackage } from './debian.js'
import { freePort } from './free-ports.js'
import { Unavailable } from './unavailable.js'

export interface Postgres {
  readonly url: string
  /** What the server has logged so far: each session that begins and ends, and how. */
  log(): string
  stop(): Promise<void>
}

/** `nobody`: the server does not run as root. */
const NOBODY = 65_534
const START_MS = 120_000

/** A PostgreSQL server of this machine, or of Debian's package, unpacked into the cache without root. */
export async function startPostgres(): Promise<Postgres> {
  const installed = newestIn('/usr/lib/postgresql')
  const given = installed === undefined || process.env['POSTGRES_FROM_PACKAGE'] ? await unpacked() : undefined
  const folder = mkdtempSync(join(tmpdir(), 'nacos-sidecar-postgres-'))
  const root = process.getuid?.() === 0
  if (root) chownSync(folder, NOBODY, NOBODY)
  // Only root may read root's cache.
  const unpackedHere = given && root ? join(folder, 'package') : given
  if (given && root) cpSync(given, join(folder, 'package'), { recursive: true })
  const { bin, libraries } = unpackedHere ? placesIn(unpackedHere) : { bin: installed!, libraries: '' }
  const as = root ? `setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups ` : ''
  const port = await freePort([])
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    fsync: 'off',
    log_connections: 'on',
    log_disconnections: 'on',
    // The end of a session that says no goodbye is of this level.
    log_min_messages: 'debug1',
  }
  const flags = Object.entries(settings).map(([name, value]) => `-c ${name}='${value}'`)
  const child = spawn(
    'sh',
    [
      '-c',
      `${as}${bin}/initdb -D data -U app -A trust --no-sync -E UTF8 --locale=C >init.log 2>&1 && exec ${as}${bin}/postgres -D data ${flags.join(' ')} 2>server.log`,
    ],
    { cwd: folder, env: { ...process.env, LD_LIBRARY_PATH: libraries }, stdio: 'ignore' },
  )
  const exited = once(child, 'exit')
  // The shell has become the server: it ends its sessions and leaves nothing in shared memory.
  const end = () => child.kill('SIGINT')
  process.once('exit', end)
  const stop = async () => {
    process.off('exit', end)
    end()
    await exited
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  const log = () => (existsSync(join(folder, 'server.log')) ? readFileSync(join(folder, 'server.log'), 'utf8') : '')
  for (const until = performance.now() + START_MS; !log().includes('ready to accept connections');) {
    if (child.exitCode !== null || performance.now() > until) {
      const why = `${log()}\n${existsSync(join(folder, 'init.log')) ? readFileSync(join(folder, 'init.log'), 'utf8') : ''}`
      await stop()
      throw new Unavailable(`PostgreSQL does not start: ${why.trim().split('\n').slice(-4).join('\n  ')}`)
    }
    await sleep(50)
  }
  return { url: `postgres://app@127.0.0.1:${port}/postgres`, log, stop }
}

/** The programs of the newest version below this folder. */
function newestIn(folder: string): string | undefined {
  const versions = existsSync(folder) ? readdirSync(folder).sort((one, other) => Number(other) - Number(one)) : []
  return versions.map((version) => join(folder, version, 'bin')).find((bin) => existsSync(join(bin, 'postgres')))
}

function placesIn(folder: string): { bin: string; libraries: string } {
  const bin = newestIn(join(folder, 'usr/lib/postgresql'))
  if (bin === undefined) throw new Unavailable(`no PostgreSQL in ${folder}`)
  return { bin, libraries: librariesIn(folder).join(':') }
}

/** Debian's newest server. */
async function unpacked(): Promise<string> {
  const name = await newestPackage('^postgresql-[0-9]+$')
  if (name === undefined) throw new Unavailable('neither PostgreSQL nor apt is here', 'postgres')
  return unpackPackage(name)
}
