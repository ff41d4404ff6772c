import { execFile } from 'node:child_process'
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
  return { packages: await countPackages(), idle }
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
