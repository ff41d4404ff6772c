import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { median, round } from './support/statistics.js'

const ROUNDS = 9
const CODE = `
const before = process.memoryUsage().rss, since = performance.now()
await import(process.argv[1])
const ms = performance.now() - since
console.log(JSON.stringify({ ms, rssMb: (process.memoryUsage().rss - before) / 2 ** 20 }))`

export interface ImportFigures {
  readonly ms: number
  /** What it adds to a bare Node. */
  readonly rssMb: number
}

/** A fresh process each, with files that the system has read before. */
export async function measureImports(ours: string): Promise<Readonly<Record<'ours' | 'axios', ImportFigures>>> {
  const runs = { ours: [] as ImportFigures[], axios: [] as ImportFigures[] }
  for (let n = 0; n <= ROUNDS; n++) {
    const pair = { ours: await importOnce(ours), axios: await importOnce('axios') }
    if (n === 0) continue
    runs.ours.push(pair.ours)
    runs.axios.push(pair.axios)
  }
  return { ours: middle(runs.ours), axios: middle(runs.axios) }
}

async function importOnce(specifier: string): Promise<ImportFigures> {
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', CODE, specifier], {
    cwd,
  })
  return JSON.parse(stdout) as ImportFigures
}

function middle(runs: readonly ImportFigures[]): ImportFigures {
  return { ms: round(median(runs.map(({ ms }) => ms)), 1), rssMb: round(median(runs.map(({ rssMb }) => rssMb)), 1) }
}
