import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const EXAMPLES = fileURLToPath(new URL('..', import.meta.url))

export interface Running {
  readonly name: string
  readonly child: ChildProcess
  /** Everything it printed, for the report of a step that failed. */
  output(): string
  /** Waits for a line that matches. */
  line(pattern: RegExp, withinMs: number): Promise<RegExpExecArray>
  /** Sends the signal and waits until the process is gone. */
  end(signal: NodeJS.Signals): Promise<void>
}

const running = new Set<Running>()

/** The last words of everyone, for the report of a step that did not happen. */
export function lastWords(): string {
  return [...running]
    .map(({ name, output }) => `--- ${name} ---\n${output().trimEnd().split('\n').slice(-12).join('\n')}`)
    .join('\n')
}

/** Starts one Node process of the demo; each example runs in its own folder, beside its own bootstrap.yml. */
export function start(name: string, folder: string, args: readonly string[], env: Record<string, string>): Running {
  const child = spawn(process.execPath, [...args], {
    cwd: `${EXAMPLES}/${folder}`,
    // Each run has registries of its own, on ports of the moment: nothing to remember.
    env: { ...process.env, SIDECAR_SNAPSHOT_DIR: 'off', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  const listeners = new Set<() => void>()
  const take = (chunk: Buffer) => {
    text += chunk.toString()
    for (const listener of listeners) listener()
  }
  child.stdout.on('data', take)
  child.stderr.on('data', take)

  const self: Running = {
    name,
    child,
    output: () => text,
    line: (pattern, withinMs) =>
      new Promise((resolve, reject) => {
        const done = (act: () => void) => {
          clearTimeout(timer)
          listeners.delete(look)
          child.off('exit', exited)
          act()
        }
        const look = () => {
          const match = pattern.exec(text)
          if (match) done(() => resolve(match))
        }
        const exited = (code: number | null) => done(() => reject(new Error(`${name} ended with ${code}:\n${text}`)))
        const timer = setTimeout(
          () => done(() => reject(new Error(`${name} did not print ${pattern} within ${withinMs} ms:\n${text}`))),
          withinMs,
        )
        listeners.add(look)
        child.once('exit', exited)
        look()
      }),
    end: async (signal) => {
      running.delete(self)
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill(signal)
      await gone
    },
  }
  running.add(self)
  return self
}

/** Leaves nothing behind, whatever happened. */
export async function endAll(): Promise<void> {
  await Promise.all([...running].map((process) => process.end('SIGKILL')))
}
