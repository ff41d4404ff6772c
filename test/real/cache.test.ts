import { once } from 'node:events'
import { createRequire } from 'node:module'
import { join as pathOf } from 'node:path'
import { pathToFileURL } from 'node:url'
import express from 'express'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { provideCache } from '../../examples/recipes/cache.js'
import { join } from '../support/member.js'
import { testRegistry } from '../support/registry.js'
import { npmPackages } from './servers/npm-packages.js'
import { startRedis } from './servers/redis.js'
import { Unavailable } from './servers/unavailable.js'
import { cannotBeHad } from './support/on-server.js'

const had = await Promise.all([startRedis(), npmPackages('redis', ['redis@5'])]).then(
  ([redis, folder]) => ({ redis, folder, missing: undefined }),
  (error: unknown) => ({
    missing: { reason: String(error), toolAbsent: error instanceof Unavailable && error.absent !== undefined },
  }),
)

if (had.missing) cannotBeHad(had.missing)
else {
  const { redis, folder } = had
  const { createClient } = (await import(
    pathToFileURL(createRequire(pathOf(folder, 'index.js')).resolve('redis')).href
  )) as Redis
  afterAll(() => redis.stop())

  test('recipes: a cache: its settings change under load, and no request fails; the old one is closed, and the last one at the end', async () => {
    const registry = await testRegistry()
    const publish = (name: string) =>
      registry.configs.publish({ dataId: 'cache.yml', content: `cache: { url: '${redis.url}', name: ${name} }` })
    publish('first')
    const watcher = createClient({ url: redis.url, name: 'watcher' })
    await watcher.connect()
    onTestFinished(() => watcher.close())
    const connected = async () =>
      (await watcher.clientList()).map(({ name }) => name).filter((name) => name !== 'watcher')

    const app = express()
    const { sidecar, url } = await join(app, {
      ...registry.settings({ 'application.name': 'cached' }),
      'cloud.nacos.config.shared-configs': [{ 'data-id': 'cache.yml', refresh: true }],
    })
    const cache = provideCache(sidecar, createClient)
    app.get('/count', async (_request, response) => {
      response.json(await cache.use((client) => client.incr('count')))
    })
    await cache.ready
    expect(await connected()).toEqual(['first'])

    const counts: unknown[] = []
    let running = true
    const load = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (running) counts.push(await (await fetch(`${url}/count`)).json())
      }),
    )
    await expect.poll(() => counts.length).toBeGreaterThan(50)
    const swapped = once(sidecar, 'resourceReloaded')
    publish('second')
    await swapped
    await expect.poll(connected).toEqual(['second'])
    const before = counts.length
    await expect.poll(() => counts.length).toBeGreaterThan(before + 50)
    running = false
    await load
    expect(counts.toSorted((one, other) => Number(one) - Number(other))).toEqual(counts.map((_, index) => index + 1))
    expect(sidecar.status().resources).toMatchObject([{ name: 'cache', status: 'UP' }])
    await sidecar.stop({ drain: false })
    await expect.poll(connected).toEqual([])
  })
}

// --- what the test uses of the package, which has no types here ---

interface RedisClient {
  connect(): Promise<RedisClient>
  close(): Promise<void>
  destroy(): void
  ping(): Promise<unknown>
  incr(key: string): Promise<number>
  clientList(): Promise<readonly { readonly name: string }[]>
  on(event: 'error', listener: (error: Error) => void): unknown
}
interface Redis {
  createClient(options: object): RedisClient
}
