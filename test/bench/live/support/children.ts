import { fork, type ChildProcess } from 'node:child_process'

const alive = new Set<ChildProcess>()
process.on('exit', () => alive.forEach((child) => child.kill('SIGKILL')))

/** A quiet child process that does not outlive this one. */
export function startChild(file: string, ...args: string[]): ChildProcess {
  const child = fork(file, args, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], execArgv: ['--expose-gc'] })
  alive.add(child)
  child.on('exit', () => alive.delete(child))
  return child
}
