import { Pool } from 'undici'
import { INSTANCES, SERVICES, watchedService } from '../scenarios/watched.js'
import type { BenchServer } from './servers.js'

const PARALLEL = 32
const LONGEST_MS = 25_000

/** Registers the ten thousand instances; returns how many there was time for. */
export async function fill({ server, keepsPreserved }: BenchServer, run: string): Promise<number> {
  const pool = new Pool(`http://${server}`, { connections: PARALLEL })
  const endAt = performance.now() + LONGEST_MS
  let next = 0
  let registered = 0
  const metadata = { version: '1.2.0', zone: 'hangzhou-b', ...(keepsPreserved && LONG_LEASE) }
  const worker = async () => {
    while (next < SERVICES * INSTANCES && performance.now() < endAt) {
      const n = next++
      const form = new URLSearchParams({
        serviceName: watchedService(run, Math.floor(n / INSTANCES)),
        ip: `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`,
        port: String(10_000 + (n % INSTANCES)),
        ephemeral: String(keepsPreserved),
        metadata: JSON.stringify(metadata),
      })
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      const request = { method: 'POST', path: '/nacos/v1/ns/instance', headers, body: String(form) } as const
      const { statusCode, body } = await pool.request(request)
      await body.dump()
      if (statusCode === 200) registered++
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
  await pool.close()
  return registered
}

const LONG_LEASE = {
  'preserved.heart.beat.interval': '300000',
  'preserved.heart.beat.timeout': '600000',
  'preserved.ip.delete.timeout': '900000',
}

/** A document before any client follows it. */
export async function publishFirst(server: string, dataIds: readonly string[]): Promise<void> {
  for (const dataId of dataIds) {
    const content = `${dataId.replace(/\.yml$/, '')}: first\n`
    const body = new URLSearchParams({ dataId, group: 'DEFAULT_GROUP', content, type: 'yaml' })
    const response = await fetch(`http://${server}/nacos/v1/cs/configs`, { method: 'POST', body })
    await response.text()
  }
}
