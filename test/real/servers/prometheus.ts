import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newestPackage, unpackPackage } from './debian.js'
import { freePort } from './free-ports.js'
import { startProcess, statusOf, withAttempts } from './server-process.js'
import { Unavailable } from './unavailable.js'

/** Prometheus of this machine, or of Debian's package. */
export interface Prometheus {
  readonly url: string
  /** The values of an instant query, by the labels that are named. */
  query(expression: string): Promise<{ readonly labels: Readonly<Record<string, string>>; readonly value: number }[]>
  stop(): Promise<void>
}

const READY_MS = 30_000

/** Starts one that scrapes these targets every two seconds. @param scrape further keys of the job */
export function startPrometheus(targets: readonly string[], scrape: object = {}): Promise<Prometheus> {
  return withAttempts(3, async () => {
    const command = await program('prometheus')
    const port = await freePort([])
    const url = `http://127.0.0.1:${port}`
    const job = {
      ...{ job_name: 'apps', scrape_interval: '2s', scrape_timeout: '2s', metrics_path: '/actuator/prometheus' },
      ...{ static_configs: [{ targets }], ...scrape },
    }
    const stop = await startProcess({
      ...{ name: 'Prometheus', command, readyWithinMs: READY_MS },
      args(folder) {
        // JSON is YAML too.
        writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify({ scrape_configs: [job] }))
        const flags = {
          'config.file': 'prometheus.yml',
          'storage.tsdb.path': 'data',
          'web.listen-address': `127.0.0.1:${port}`,
        }
        return Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
      },
      ready: async () => (await statusOf(`${url}/-/ready`)) === 200,
    })
    return {
      url,
      stop,
      async query(expression) {
        const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: expression })}`)
        const { data } = (await response.json()) as {
          data: { result: { metric: Record<string, string>; value: [number, string] }[] }
        }
        return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }))
      },
    }
  })
}

/** What `promtool check metrics` says of a page; nothing of a clean one. */
export async function lintMetrics(page: string): Promise<string> {
  const child = execFile(await program('promtool'), ['check', 'metrics'], () => {})
  let said = ''
  for (const output of [child.stdout!, child.stderr!]) output.on('data', (chunk: string) => (said += chunk))
  child.stdin!.end(page)
  const [code] = (await once(child, 'close')) as [number]
  return code === 0 ? said : `${said}exit code ${code}`
}

/** On the path, or in the package. */
async function program(name: 'prometheus' | 'promtool'): Promise<string> {
  const own = `/usr/bin/${name}`
  if (existsSync(own)) return own
  const found = await newestPackage('^prometheus$')
  if (found === undefined) throw new Unavailable('neither Prometheus nor apt is here', 'prometheus')
  return join(await unpackPackage(found), own)
}
