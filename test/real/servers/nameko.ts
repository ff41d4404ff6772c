import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { pythonPackages } from './python-packages.js'
import { Unavailable } from './unavailable.js'

const SCRIPTS = fileURLToPath(new URL('../nameko', import.meta.url))
const READY_MS = 60_000
/**
 * What a service logs when its queues are bound and its consumers are there. It has `Connected to amqp` before, when what
 * is sent to it may still be lost.
 */
const CONSUMES = 'consumer started'
const LOGGING = {
  version: 1,
  disable_existing_loggers: false,
  handlers: { console: { class: 'logging.StreamHandler' } },
  loggers: { 'nameko.messaging': { level: 'DEBUG' } },
  root: { level: 'INFO', handlers: ['console'] },
}

/** What a script of Python got, or what was raised. */
export interface PythonAnswer {
  readonly result?: unknown
  /** Module and name of the exception. */
  readonly raised?: string
  readonly exc_type?: string | null
  readonly value?: string | null
  readonly text?: string
  readonly args?: readonly string[]
}

/** An order to the script. */
export interface PythonCall {
  readonly service: string
  readonly method: string
  readonly args?: readonly unknown[]
  readonly kwargs?: Readonly<Record<string, unknown>>
  /** Seconds. */
  readonly timeout?: number
  /** Context data. */
  readonly context?: Readonly<Record<string, unknown>>
  /** That many calls at once (`call_async`), with the numbers from 0. */
  readonly parallel?: number
}

export interface NamekoProcess {
  /** What it has logged so far. */
  log(): string
  /** As `nameko run` ends by SIGTERM: calls in hand are done first. */
  stop(): Promise<void>
  kill(): Promise<void>
}

/** A script with Nameko's standalone proxies. */
export interface NamekoCaller {
  call(call: PythonCall): Promise<PythonAnswer>
  emit(service: string, type: string, data: unknown, headers?: Readonly<Record<string, unknown>>): Promise<PythonAnswer>
  stop(): Promise<void>
}

/** Nameko of PyPI. `setuptools` has `pkg_resources`, which its command line imports. */
export const namekoPackages = () => pythonPackages('nameko', '2.14.1', ['setuptools<81'])

/**
 * `nameko run --config config.yaml greeting:Class`, until each service has its queues and consumes.
 *
 * @param classes of test/real/nameko/greeting.py; of another file there as `file:Class`
 */
export async function runNameko(
  packages: string,
  amqpUri: string,
  classes: readonly string[],
  instance = '1',
): Promise<NamekoProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'nacos-sidecar-nameko-'))
  const config = join(folder, 'config.yaml')
  // JSON is YAML too.
  writeFileSync(config, JSON.stringify({ AMQP_URI: amqpUri, max_workers: 20, LOGGING }))
  const services = classes.map((name) => (name.includes(':') ? name : `greeting:${name}`))
  const child = spawn('python3', ['-W', 'ignore', '-m', 'nameko', 'run', '--config', config, ...services], {
    cwd: SCRIPTS,
    env: {
      ...process.env,
      ...{ PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: '1', INSTANCE: instance },
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  const killOnExit = () => child.kill('SIGKILL')
  process.once('exit', killOnExit)
  const exited = once(child, 'exit')
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    await exited
    process.off('exit', killOnExit)
    rmSync(folder, { recursive: true, force: true })
  }
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Unavailable(`nameko is not ready: ${log}`)), READY_MS)
    for (const output of [child.stdout, child.stderr])
      output.on('data', (chunk: Buffer) => {
        log += chunk
        if (classes.length <= log.split(CONSUMES).length - 1) resolve(clearTimeout(timer))
      })
    child.once('exit', () => reject(new Unavailable(`nameko ended: ${log}`)))
  })
  return { log: () => log, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}

/** Starts the script; orders are worked on one after the other. */
export function startCaller(packages: string, amqpUri: string): NamekoCaller {
  const child = spawn('python3', ['-W', 'ignore', join(SCRIPTS, 'caller.py'), amqpUri], {
    env: { ...process.env, PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const killOnExit = () => child.kill('SIGKILL')
  process.once('exit', killOnExit)
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const order = async (line: object): Promise<PythonAnswer> => {
    child.stdin.write(`${JSON.stringify(line)}\n`)
    const { value, done } = await answers.next()
    if (done) throw new Error('the script of Python has ended')
    return JSON.parse(value) as PythonAnswer
  }
  return {
    call: order,
    emit: (service, type, data, headers) => order({ service, type, data, ...(headers && { headers }) }),
    stop: () => ended(child).finally(() => process.off('exit', killOnExit)),
  }
}

async function ended(child: ChildProcess): Promise<void> {
  child.stdin?.end()
  if (child.exitCode === null) await once(child, 'exit')
}
