import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { median, round } from './support/statistics.js'

const ROUNDS = 5
const SETTLE_MS = 4_000
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)

export interface Weight {
  /** That `npm install nacos-sidecar` brings, itself among them. */
  readonly packages: number
  /** Of a member that serves and is not called, the whole process. */
  readonly idle: Idle
  readonly start: Start
}

/** From the start of a process until its app listens, in ms: medians of processes that were started in turn. */
export interface Start {
  /** `node app.mjs` */
  readonly bareMs: number
  /** `nacos-sidecar run app.mjs`, with a registry that answers. */
  readonly runMs: number
  /** Median of the differences. */
  readonly overheadMs: number
}

export interface Idle {
  readonly rssMb: number
  /** Until `createSidecar` has returned: settings are read, the app is guarded. */
  readonly guardedMs: number
  /** Until `ready`, from the start of the import. */
  readonly readyMs: number
}

const IDLE = `
const since = performance.now()
const { createSidecar } = await import(process.argv[1])
const { createServer } = await import('node:http')
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const sidecar = createSidecar({ configPath: false, signals: false, logger: silent, settings: {
  application: { name: 'bench-idle' },
  cloud: { nacos: { serverAddr: process.argv[2], discovery: { ip: '127.0.0.1' } } },
} })
const guardedMs = performance.now() - since
createServer().listen(0, '127.0.0.1')
await sidecar.ready
const readyMs = performance.now() - since
for (let n = 0; n < 10; n++) sidecar.discovery.watch('bench-idle-' + n, () => {})
await new Promise((resolve) => setTimeout(resolve, ${SETTLE_MS}))
if (!sidecar.status().registered) throw new Error('the idle member is not registered')
console.log(JSON.stringify({ rssMb: process.memoryUsage().rss / 2 ** 20, guardedMs, readyMs }))
process.exit()`

export async function measureWeight(ours: string, registry: string): Promise<Weight> {
  const runs: Idle[] = []
  for (let n = 0; n < ROUNDS; n++) {
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', IDLE, ours, registry], { cwd: ROOT })
    runs.push(JSON.parse(stdout) as Idle)
  }
  const middle = (key: keyof Idle) => round(median(runs.map((one) => one[key])), 1)
  const idle = { rssMb: middle('rssMb'), guardedMs: middle('guardedMs'), readyMs: middle('readyMs') }
  return { packages: await countPackages(), idle, start: await measureStart(registry) }
}

const START_ROUNDS = 15
const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const APP = `import { createServer } from 'node:http'
createServer().listen(0, '127.0.0.1', () => process.stdout.write('listening'))
`

async function measureStart(registry: string): Promise<Start> {
  const folder = mkdtempSync(join(tmpdir(), 'nacos-sidecar-start-'))
  try {
    writeFileSync(join(folder, 'app.mjs'), APP)
    const discovery = 'discovery: { ip: 127.0.0.1 }'
    const settings = `application.name: bench-start\ncloud.nacos: { server-addr: '${registry}', ${discovery} }\n`
    writeFileSync(join(folder, 'bootstrap.yml'), settings)
    const bare: number[] = []
    const withRun: number[] = []
    // The first of each fills the caches of the disk.
    for (let n = 0; n <= START_ROUNDS; n++) {
      const each = [await untilListening(folder, ['app.mjs']), await untilListening(folder, [CLI, 'run', 'app.mjs'])]
      if (n > 0) [bare, withRun].forEach((list, at) => list.push(each[at]!))
    }
    const middle = (list: readonly number[]) => round(median(list), 0)
    const overheads = withRun.map((ms, at) => ms - bare[at]!)
    return { bareMs: middle(bare), runMs: middle(withRun), overheadMs: middle(overheads) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function untilListening(cwd: string, args: readonly string[]): Promise<number> {
  const since = performance.now()
  const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'ignore'] })
  const exited = once(child, 'exit')
  await Promise.race([
    once(child.stdout, 'data'),
    exited.then(() => Promise.reject(new Error(`node ${args.join(' ')} ended before it listened`))),
  ])
  const ms = performance.now() - since
  child.kill('SIGTERM')
  await exited
  return ms
}

/** Packs and installs, as a user would; the built package must be there. */
async function countPackages(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'nacos-sidecar-weight-'))
  try {
    const { stdout } = await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], {
      cwd: ROOT,
    })
    writeFileSync(join(folder, 'package.json'), '{ "name": "weight", "private": true }')
    const tarball = `./${stdout.trim().split('\n').at(-1)}`
    await run('npm', ['install', tarball, '--no-audit', '--no-fund', '--prefer-offline'], { cwd: folder })
    const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as { packages: object }
    return Object.keys(lock.packages).filter((path) => path !== '').length
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
