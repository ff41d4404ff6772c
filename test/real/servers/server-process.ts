import { spawn } from 'node:child_process'
import { copyFileSync, createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cacheFolder } from './cache.js'
import { Unavailable } from './unavailable.js'

export interface ServerCommand {
  readonly name: string
  readonly command: string
  /** Gets a fresh data folder that goes when the server does. */
  args(folder: string): readonly string[]
  env?(folder: string): NodeJS.ProcessEnv
  /** Asked again and again until it says true. */
  ready(): Promise<boolean>
  readonly readyWithinMs: number
  /** What the output of a server says that lives on but will never be ready. */
  readonly broken?: RegExp
}

/** Starts a server and waits until it is ready; returns how to stop it. */
export async function startProcess(server: ServerCommand): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'nacos-sidecar-real-'))
  const logFile = join(folder, 'server.log')
  const log = createWriteStream(logFile)
  const child = spawn(server.command, server.args(folder), {
    cwd: folder,
    env: { ...process.env, ...server.env?.(folder) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let ended: string | undefined
  for (const output of [child.stdout, child.stderr]) {
    output.pipe(log, { end: false })
    output.on('data', (chunk: Buffer) => {
      if (server.broken?.test(chunk.toString())) ended ??= 'broke while it started'
    })
  }
  let absent = false
  const exited = new Promise<void>((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      absent = error.code === 'ENOENT'
      ended = absent ? `${server.command} is not installed` : error.message
      resolve()
    })
    child.on('exit', (code, signal) => {
      ended ??= `ended with ${code ?? signal}`
      resolve()
    })
  })
  // The registries keep nothing worth a graceful end, and the folder goes with them.
  const killOnExit = () => child.kill('SIGKILL')
  process.once('exit', killOnExit)
  const stop = async () => {
    process.off('exit', killOnExit)
    child.kill('SIGKILL')
    await exited
    log.end()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }

  const deadline = performance.now() + server.readyWithinMs
  for (;;) {
    const ready = await server.ready().catch(() => false)
    // One that has ended is not the one that says it is ready.
    if (ready && ended === undefined) return stop
    if (ended !== undefined || performance.now() > deadline) {
      const why = ended ?? `not ready within ${server.readyWithinMs / 1000} s`
      // The data folder goes; the log is needed now.
      const kept = join(cacheFolder(), `${server.name.replaceAll(' ', '-')}-failed.log`)
      copyFileSync(logFile, kept)
      await stop()
      throw new Unavailable(
        `${server.name}: ${why} (log: ${kept})${reasonIn(kept)}`,
        absent ? server.command : undefined,
      )
    }
    await sleep(100)
  }
}

/**
 * Starts anew, with another port and folder, where a start failed; a tool that is not there will not be there then
 * either.
 */
export async function withAttempts<T>(attempts: number, start: () => Promise<T>): Promise<T> {
  try {
    return await start()
  } catch (error) {
    if (attempts <= 1 || !(error instanceof Unavailable) || error.absent) throw error
    console.log(`starting again: ${error.message}`)
    return withAttempts(attempts - 1, start)
  }
}

/** The last lines that name a cause. */
function reasonIn(logFile: string): string {
  const causes = readFileSync(logFile, 'utf8')
    .split('\n')
    .filter((line) => /Caused by|ERROR|panicked|Exception:/.test(line))
  return causes
    .slice(-3)
    .map((line) => `\n  ${line.slice(0, 300)}`)
    .join('')
}

/** The status of a plain GET, without credentials. */
export async function statusOf(url: string): Promise<number> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) })
  await response.arrayBuffer()
  return response.status
}

/** True once the server lets the user in. */
export async function canLogIn(server: string, username: string, password: string): Promise<boolean> {
  const response = await fetch(`http://${server}/nacos/v1/auth/login`, {
    method: 'POST',
    body: new URLSearchParams({ username, password }),
    signal: AbortSignal.timeout(5_000),
  })
  return response.ok && (await response.text()).includes('accessToken')
}

/** True once a document that was stored can be read, which is not the same on a server that came up broken. */
export async function canStoreConfig(server: string): Promise<boolean> {
  const url = `http://${server}/nacos/v1/cs/configs`
  const key = { dataId: 'readiness-probe', group: 'DEFAULT_GROUP' }
  const query = `?${new URLSearchParams(key)}`
  const ask = async (method: string, path: string, body?: URLSearchParams) => {
    const response = await fetch(path, { method, ...(body && { body }), signal: AbortSignal.timeout(2_000) })
    return response.text()
  }
  await ask('POST', url, new URLSearchParams({ ...key, content: 'probe' }))
  if ((await ask('GET', url + query)) !== 'probe') return false
  await ask('DELETE', url + query)
  return true
}
