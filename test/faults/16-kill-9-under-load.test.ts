import type { ServiceInstance } from 'nacos-sidecar'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { killChildren, startChild, type Child } from '../support/child.js'
import { callStyles, typedCall, type CallService } from '../support/call-styles.js'
import { ownPort } from '../support/own-port.js'
import { bound, duration, elapsed } from '../support/scale.js'
import { instance, startMesh } from '../support/mesh.js'

const PROVIDER = new URL('../fixtures/apps/provider.ts', import.meta.url)
/** So many GETs are done before the kill, and again after it. */
const GETS = duration(5_000, 150)
const GET_WORKERS = 24
const POST_WORKERS = 4
/**
 * One for each worker. A busy machine may tell a worker late of the end of a second connection, which it has taken
 * meanwhile.
 */
const MOST_CUT_POSTS = 2 * POST_WORKERS
afterEach(killChildren)

/** The registry lists all three throughout: a killed process is there until its lease ends. */
async function threeProviders() {
  const mesh = startMesh()
  const children = [startChild(PROVIDER), startChild(PROVIDER), startChild(PROVIDER)]
  const ports = await Promise.all(children.map((child) => child.message<{ port: number }>('listening')))
  mesh.registry.set('orders', ...ports.map(({ port }) => instance('orders', port)))
  const news = (name: string) =>
    mesh.events.filter(([event]) => event === name).map(([, news]) => news as { instance: ServiceInstance })
  return { mesh, children, ports: ports.map(({ port }) => port), news }
}

function load(call: CallService) {
  const failed = { GET: [] as unknown[], POST: [] as unknown[] }
  const done = { GET: 0, POST: 0 }
  let running = true
  // Where the test fails, it would go on for ever, and fail as fast as it can.
  onTestFinished(() => void (running = false))
  const worker = async (method: 'GET' | 'POST') => {
    while (running) {
      try {
        await call(method, '/x', method === 'POST' ? { some: 'body' } : undefined)
        done[method]++
      } catch (error) {
        failed[method].push(error)
      }
    }
  }
  const workers = [
    ...Array.from({ length: GET_WORKERS }, () => worker('GET')),
    ...Array.from({ length: POST_WORKERS }, () => worker('POST')),
  ]
  /** Settles once so many more GETs are done, or one failed. */
  const more = async (count: number) => {
    const until = done.GET + count
    await vi.waitFor(() => expect(failed.GET.length > 0 || done.GET >= until).toBe(true), { timeout: 100_000 })
  }
  return { failed, done, more, stop: () => ((running = false), Promise.all(workers)) }
}

test('fault 16: kill -9 of a provider under load, typed client', async () => {
  const { mesh, children, ports, news } = await threeProviders()
  const call = typedCall('orders')
  const running = load(call)
  await running.more(GETS)

  const killed = performance.now()
  const ejected = vi.waitFor(() => expect(news('ejected')).toHaveLength(1), { interval: 2 })
  await (children[0] as Child).kill()
  await ejected
  expect(elapsed(killed)).toBeLessThan(bound(1_000))
  expect(news('ejected')[0]).toMatchObject({ instance: { port: ports[0] } })

  await running.more(GETS)
  await running.stop()
  expect(running.failed.GET).toEqual([])
  // A POST that was under way when the process died: no caller can know whether it was executed.
  expect(running.failed.POST.length).toBeLessThanOrEqual(MOST_CUT_POSTS)
  expect(mesh.logged.join()).toMatch(new RegExp(`127.0.0.1:${ports[0]} of orders keeps failing`))
})

test('fault 16: the provider that comes back on its port is tried by one call and restored', async () => {
  const mesh = startMesh({ sidecar: { ejection: { time: duration(5_000, 300) } } })
  const other = await startChild(PROVIDER).message<{ port: number }>('listening')
  const port = await ownPort()
  const first = startChild(PROVIDER, { env: { PORT: String(port) } })
  await first.message('listening')
  mesh.registry.set('orders', instance('orders', port), instance('orders', other.port))
  const call = typedCall('orders')
  await first.kill()
  const names = () => mesh.events.map(([event]) => event)
  while (!names().includes('ejected')) await call('GET', '/x')
  await startChild(PROVIDER, { env: { PORT: String(port) } }).message('listening')
  await vi.waitFor(
    async () => {
      await call('GET', '/x')
      expect(names()).toContain('restored')
    },
    { timeout: duration(30_000, 5_000) },
  )
})

test.each(Object.keys(callStyles).filter((name) => name !== 'typed client'))(
  'fault 16: kill -9 of a provider under load, %s',
  async (name) => {
    const { children, news } = await threeProviders()
    const running = load(callStyles[name]!('orders'))
    await running.more(GETS)
    await children[0]!.kill()
    const killed = performance.now()
    await vi.waitFor(() => expect(news('ejected')).toHaveLength(1), { interval: 2 })
    expect(elapsed(killed)).toBeLessThan(bound(1_000))
    await running.more(GETS)
    await running.stop()
    // What a caller has seen the beginning of cannot begin again: such a body may break off.
    expect(running.failed.GET).toEqual([])
    expect(running.failed.POST.length).toBeLessThanOrEqual(MOST_CUT_POSTS)
  },
)
