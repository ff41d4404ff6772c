import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { bundled } from './bundled.js'

export interface ChildOptions {
  readonly args?: readonly string[]
  /** Added to this process's environment; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly execArgv?: readonly string[]
  readonly cwd?: string
  /** A command that runs node, e.g. `unshare --pid --fork`; signals then go to that command. */
  readonly wrapper?: readonly string[]
}

export interface ChildExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A node process under test. */
export interface Child {
  readonly pid: number
  readonly process: ChildProcess
  /** Everything printed so far. */
  readonly stdout: string
  readonly stderr: string
  /** Settles once the process is gone and its output is read to the end. */
  readonly exited: Promise<ChildExit>
  /**
   * The first line of stdout or stderr, past or to come, that matches. Rejects when the child ends without it. The time
   * limit says that it hangs, not how quick it has to be.
   */
  line(pattern: RegExp | string, timeoutMs?: number): Promise<RegExpMatchArray>
  /** The first JSON object, past or to come, sent over IPC or printed as a line of stdout, whose `type` is this. */
  message<T = Record<string, unknown>>(type: string, timeoutMs?: number): Promise<T>
  /** Every JSON object seen so far. */
  readonly messages: readonly Record<string, unknown>[]
  send(message: object): void
  signal(name: NodeJS.Signals): void
  /** SIGKILL (a stopped child too), and waits for the end. */
  kill(): Promise<ChildExit>
}

/** Below the time limit of a test, so that the error shows what the child printed. */
const HANGS_MS = 40_000

const alive = new Set<ChildProcess>()
process.on('exit', () => alive.forEach((child) => child.kill('SIGKILL')))

/** Ends every child this file still has; for `afterEach`. */
export async function killChildren(): Promise<void> {
  const ended = [...alive].map((child) => (child.kill('SIGKILL'), once(child, 'close')))
  await Promise.all(ended)
}

/**
 * Starts a node process; a `.ts` file is bundled first.
 *
 * @param file path or file URL.
 * @example
 * const app = startChild(new URL('../fixtures/apps/plain.ts', import.meta.url), { env: { REGISTRY: address } })
 * const { port } = await app.message<{ port: number }>('listening')
 * app.signal('SIGTERM')
 * expect(await app.exited).toEqual({ code: null, signal: 'SIGTERM' })
 */
export function startChild(file: string | URL, options: ChildOptions = {}): Child {
  const path = file instanceof URL ? fileURLToPath(file) : file
  const command = [
    ...(options.wrapper ?? []),
    process.execPath,
    ...(options.execArgv ?? []),
    path.endsWith('.ts') ? bundled(path) : path,
    ...(options.args ?? []),
  ]
  const process_ = spawn(command[0]!, command.slice(1), {
    cwd: options.cwd,
    // vitest's own variables would turn library code under test into test mode.
    env: { ...process.env, NODE_ENV: undefined, VITEST: undefined, NODE_OPTIONS: undefined, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  alive.add(process_)
  return watch(process_)
}

function watch(child: ChildProcess): Child {
  const text = { stdout: '', stderr: '' }
  const messages: Record<string, unknown>[] = []
  const waiting = new Set<() => void>()
  let ended: ChildExit | undefined
  const changed = () => [...waiting].forEach((look) => look())
  const take = (value: unknown) => {
    if (typeof value === 'object' && value !== null) messages.push(value as Record<string, unknown>)
  }

  for (const name of ['stdout', 'stderr'] as const) {
    let rest = ''
    child[name]!.setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()!
      if (name === 'stdout') lines.filter((line) => line.startsWith('{')).forEach((line) => take(parse(line)))
      changed()
    })
  }
  child.on('message', (message) => (take(message), changed()))
  const exited = new Promise<ChildExit>((resolve) => {
    child.on('error', (error) => (text.stderr += String(error)))
    child.on('close', (code, signal) => {
      ended = { code, signal }
      alive.delete(child)
      changed()
      resolve(ended)
    })
  })

  const until = <T>(what: string, look: () => T | undefined | null, timeoutMs: number) =>
    new Promise<T>((resolve, reject) => {
      const finish = (act: () => void) => (waiting.delete(check), clearTimeout(timer), act())
      const fail = (why: string) =>
        finish(() => reject(new Error(`${why} before ${what}\n--- stdout\n${text.stdout}\n--- stderr\n${text.stderr}`)))
      const check = () => {
        const found = look()
        if (found !== undefined && found !== null) finish(() => resolve(found))
        else if (ended) fail(`child ended (${ended.code ?? ended.signal})`)
      }
      const timer = setTimeout(() => fail(`${timeoutMs} ms passed`), timeoutMs)
      waiting.add(check)
      check()
    })

  return {
    pid: child.pid!,
    process: child,
    get stdout() {
      return text.stdout
    },
    get stderr() {
      return text.stderr
    },
    messages,
    exited,
    line: (pattern, timeoutMs = HANGS_MS) => {
      const matches = (line: string) =>
        typeof pattern === 'string'
          ? line.includes(pattern)
            ? ([line] as RegExpMatchArray)
            : null
          : pattern.exec(line)
      const look = () => `${text.stdout}\n${text.stderr}`.split('\n').map(matches).find(Boolean)
      return until(`a line with ${pattern}`, look, timeoutMs)
    },
    message: <T>(type: string, timeoutMs = HANGS_MS) =>
      until(`a message of type ${type}`, () => messages.find((message) => message['type'] === type) as T, timeoutMs),
    send: (message) => void child.send(message),
    signal: (name) => void child.kill(name),
    kill: () => {
      child.kill('SIGKILL')
      return exited
    },
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
