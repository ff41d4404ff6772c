import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Lets a Prometheus of its own scrape the services for a few seconds, and asks it. */
export async function scrape(targets: readonly string[], query: string): Promise<string> {
  if (spawnSync('prometheus', ['--version']).status !== 0) return 'not on the PATH, left out'
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-'))
  const config = {
    scrape_configs: [
      { job_name: 'mesh', scrape_interval: '1s', metrics_path: '/actuator/prometheus', static_configs: [{ targets }] },
    ],
  }
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config))
  const address = `127.0.0.1:${await freePort()}`
  const server = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${folder}`,
      `--web.listen-address=${address}`,
    ],
    { stdio: 'ignore' },
  )
  try {
    for (let second = 0; second < 20; second++) {
      const url = `http://${address}/api/v1/query?query=${encodeURIComponent(`sum(${query})`)}`
      const answer = (await fetch(url).then(
        (response) => response.json(),
        () => undefined,
      )) as Answer | undefined
      const value = answer?.data.result[0]?.value[1]
      if (value !== undefined) return `${query} is ${value}`
      await sleep(1_000)
    }
    return 'it has no answer within 20 s'
  } finally {
    const ended = once(server, 'exit')
    server.kill()
    await ended
    rmSync(folder, { recursive: true })
  }
}

interface Answer {
  readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}
