import type { Resource, Sidecar } from 'nacos-sidecar'

/** What of a client of `redis` is used here. */
interface RedisClient {
  connect(): Promise<unknown>
  close(): Promise<unknown>
  destroy(): void
  ping(): Promise<unknown>
  on(event: 'error', listener: (error: Error) => void): unknown
}

/**
 * A client of Redis that is connected before the registration, another one after a change of `cache`, and closed after
 * the last request.
 *
 * @param createClient of the package `redis`
 */
export function provideCache<C extends RedisClient>(
  sidecar: Sidecar,
  createClient: (options: { url: string; name: string }) => C,
): Resource<C> {
  return sidecar.provide('cache', {
    async start(config) {
      const client = createClient({ url: config('cache.url', 'redis://localhost'), name: config('cache.name', 'app') })
      // It connects again by itself; without a listener an error ends the process.
      client.on('error', () => {})
      await client.connect()
      return client
    },
    stop: (client) => client.close(),
    kill: (client) => client.destroy(),
    health: (client) => client.ping(),
    reload: 'cache',
  })
}
