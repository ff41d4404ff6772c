import { spawn } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { ContractTarget } from '../../contract/support/target.js'

export interface JavaInstance {
  readonly ip: string
  readonly port: number
  readonly weight: number
  readonly healthy: boolean
  readonly cluster: string
  readonly metadata: Record<string, string>
}

/** What Nacos pushed to the Java side. */
export type JavaEvent =
  | { event: 'instances'; service: string; instances: JavaInstance[] }
  | { event: 'config'; dataId: string; content: string | null }

export interface JavaPeer {
  ask<T>(op: string, args?: Record<string, unknown>): Promise<T>
  /** Everything pushed so far. */
  readonly events: readonly JavaEvent[]
  stop(): Promise<void>
}

/** Starts the Java neighbour and waits until its client is connected. */
export async function startJavaPeer(classPath: string, target: ContractTarget): Promise<JavaPeer> {
  // nacos-client keeps caches and logs in the home folder; this one is its own.
  const home = mkdtempSync(join(tmpdir(), 'nacos-sidecar-java-'))
  const child = spawn(
    'java',
    [
      ...['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', `-Duser.home=${home}`, '-Dfile.encoding=UTF-8'],
      ...['-cp', classPath, 'interop.Peer', target.server],
      ...(target.auth ? [target.auth.username, target.auth.password] : []),
    ],
    { stdio: ['pipe', 'pipe', 'pipe'], cwd: home },
  )
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk).slice(-4_000)))

  const answers = new EventEmitter()
  const events: JavaEvent[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    const message = JSON.parse(line) as { id?: number; value?: unknown; error?: string } | JavaEvent
    if ('event' in message) events.push(message)
    else answers.emit(String(message.id), message)
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  void exited.then(() => answers.emit('gone'))

  let id = 0
  const ask = <T>(op: string, args: Record<string, unknown> = {}) =>
    new Promise<T>((resolve, reject) => {
      const own = String(++id)
      const gone = () => reject(new Error(`the Java peer ended during ${op}:\n${stderr}`))
      answers.once('gone', gone)
      answers.once(own, (answer: { value: T; error?: string }) => {
        answers.off('gone', gone)
        if (answer.error === undefined) resolve(answer.value)
        else reject(new Error(`Java ${op}: ${answer.error}\n${stderr}`))
      })
      child.stdin.write(`${JSON.stringify({ id, op, ...args })}\n`)
    })

  const stop = async () => {
    child.stdin.end()
    const timer = setTimeout(() => child.kill('SIGKILL'), 3_000)
    await exited
    clearTimeout(timer)
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  }
  for (const until = performance.now() + 30_000; (await ask<string>('ready')) !== 'UP';) {
    if (performance.now() > until) {
      await stop()
      throw new Error(`the Java client did not reach ${target.server}:\n${stderr}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return { ask, events, stop }
}
