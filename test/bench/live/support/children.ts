import { fork, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const alive = new Set<ChildProcess>()
/** What they leave behind, as the caches of npm nacos: they are killed, and clean up nothing. */
const leftovers = mkdtempSync(join(tmpdir(), 'nacos-bench-'))
process.on('exit', () => {
  alive.forEach((child) => child.kill('SIGKILL'))
  rmSync(leftovers, { recursive: true, force: true })
})

/** A quiet child process that does not outlive this one. */
export function startChild(file: string, ...args: string[]): ChildProcess {
  const child = fork(file, args, {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv: ['--expose-gc'],
    env: { ...process.env, TMPDIR: leftovers },
  })
  alive.add(child)
  child.on('exit', () => alive.delete(child))
  return child
}
