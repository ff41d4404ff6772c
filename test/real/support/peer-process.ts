import { spawn } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface PeerInstance {
  readonly ip: string
  readonly port: number
  readonly weight: number
  readonly healthy: boolean
  readonly metadata: Record<string, string>
}

/** What the registry pushed to the peer. */
export type PeerEvent<Instance = PeerInstance> =
  | { event: 'instances'; service: string; instances: Instance[] }
  | { event: 'config'; dataId: string; content: string | null }

/** A program in another language, asked by one JSON object a line. */
export interface Peer<Instance = PeerInstance> {
  ask<T>(op: string, args?: Record<string, unknown>): Promise<T>
  /** Everything pushed so far. */
  readonly events: readonly PeerEvent<Instance>[]
  stop(): Promise<void>
}

export interface PeerCommand {
  /** For messages. */
  readonly name: string
  readonly command: string
  /** @param home the peer's own folder, which is also its working directory: SDKs keep caches and logs there. */
  args(home: string): readonly string[]
  readonly env?: Record<string, string>
}

/** Warnings of a JVM are lines of its output as well, and what was killed leaves half of one. */
function parse<T extends object>(line: string): T | undefined {
  try {
    return line.startsWith('{') ? (JSON.parse(line) as T) : undefined
  } catch {
    return undefined
  }
}

/** Starts the peer and waits until its client is connected. */
export async function startPeer<Instance = PeerInstance>(peer: PeerCommand): Promise<Peer<Instance>> {
  const home = mkdtempSync(join(tmpdir(), 'nacos-sidecar-peer-'))
  const child = spawn(peer.command, peer.args(home), {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: home,
    env: { ...process.env, HOME: home, ...peer.env },
  })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk).slice(-4_000)))
  child.stdin.on('error', () => {}) // told by the exit

  const answers = new EventEmitter()
  answers.setMaxListeners(0)
  const events: PeerEvent<Instance>[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    const message = parse<{ id?: number } | PeerEvent<Instance>>(line)
    if (!message) stderr = `${stderr}${line}\n`.slice(-4_000)
    else if ('event' in message) events.push(message)
    else answers.emit(String(message.id), message)
  })
  let ended = false
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', (error) => {
      stderr += error.message
      resolve()
    })
  })
  void exited.then(() => {
    ended = true
    answers.emit('gone')
  })

  let id = 0
  const ask = <T>(op: string, args: Record<string, unknown> = {}) =>
    new Promise<T>((resolve, reject) => {
      const own = String(++id)
      const gone = () => reject(new Error(`${peer.name} ended during ${op}:\n${stderr}`))
      if (ended) return gone()
      answers.once('gone', gone)
      answers.once(own, (answer: { value: T; error?: string }) => {
        answers.off('gone', gone)
        if (answer.error === undefined) resolve(answer.value)
        else reject(new Error(`${peer.name}, ${op}: ${answer.error}\n${stderr}`))
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
      throw new Error(`${peer.name} did not reach its registry:\n${stderr}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return { ask, events, stop }
}
