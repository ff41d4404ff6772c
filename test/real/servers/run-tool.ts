import { spawn } from 'node:child_process'
import { createWriteStream, readFileSync } from 'node:fs'
import { Unavailable } from './unavailable.js'

/** How often each of them asks a registry again that did not answer. Most give up after two or three times. */
const PATIENCE = {
  ...{ CARGO_NET_RETRY: '8', npm_config_fetch_retries: '5', PIP_RETRIES: '8' },
  MAVEN_OPTS: `${process.env['MAVEN_OPTS'] ?? ''} -Dmaven.wagon.http.retryHandler.count=8`.trim(),
}

/** Runs a build tool to its end, its output in `logFile`; `Unavailable` says why it could not. */
export async function runTool(command: string, args: readonly string[], cwd: string, logFile: string): Promise<void> {
  const log = createWriteStream(logFile)
  const code = await new Promise<number | null>((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...PATIENCE },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout.pipe(log, { end: false })
    child.stderr.pipe(log, { end: false })
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Unavailable(`${command} is not installed`, command) : error),
    )
    child.on('close', resolve)
  }).finally(() => new Promise((resolve) => log.end(resolve)))
  if (code !== 0) {
    const tail = readFileSync(logFile, 'utf8').trim().split('\n').slice(-5).join('\n  ')
    throw new Unavailable(`${command} ${args.join(' ')} failed with ${code} (log: ${logFile})\n  ${tail}`)
  }
}
