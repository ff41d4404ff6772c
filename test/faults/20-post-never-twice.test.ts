import { expect, onTestFinished, test } from 'vitest'
import { callStyles } from '../support/call-styles.js'
import { startFaultProxy } from '../support/fault-proxy.js'
import { closedPort, echo, instance, startMesh, startProvider } from '../support/mesh.js'

const POSTS = 60

/** Two providers behind proxies; what they took is counted by the id in the body. */
async function setUp(onRequest: (port: number) => Promise<void> | void = () => {}) {
  const mesh = startMesh({ sidecar: { ejection: { enabled: false } } })
  const taken = new Map<number, number>()
  const nodes = await Promise.all(
    [1, 2].map(async () => {
      const provider = await startProvider((request, response) => {
        const { id } = JSON.parse(request.body) as { id: number }
        taken.set(id, (taken.get(id) ?? 0) + 1)
        void Promise.resolve(onRequest(request.port)).then(() => echo(request, response))
      })
      const proxy = await startFaultProxy(provider)
      onTestFinished(() => proxy.close())
      return { provider, proxy }
    }),
  )
  mesh.registry.set('orders', ...nodes.map(({ proxy }) => instance('orders', proxy.port)))
  return { mesh, nodes, taken }
}

/** Ids of the calls that were answered, and of those that failed. */
async function post(call: (id: number) => Promise<unknown>): Promise<{ answered: number[]; failed: number[] }> {
  const answered: number[] = []
  const failed: number[] = []
  for (let id = 0; id < POSTS; id++) {
    await call(id).then(
      () => answered.push(id),
      () => failed.push(id),
    )
  }
  return { answered, failed }
}

test.each(Object.entries(callStyles))(
  'fault 20: reset at the first byte of a POST, never sent twice: %s',
  async (_, open) => {
    const { nodes, taken } = await setUp()
    await nodes[0]!.proxy.set('reset')
    const call = open('orders')
    const { answered, failed } = await post((id) => call('POST', '/x', { id }))
    expect(failed).toHaveLength(POSTS / 2)
    for (const id of answered) expect(taken.get(id)).toBe(1)
    // The proxy swallowed it: had it been sent again, the other provider would know it.
    for (const id of failed) expect(taken.get(id)).toBeUndefined()
  },
)

test.each(Object.entries(callStyles))(
  'fault 20: reset after the provider took the POST, never sent twice: %s',
  async (_, open) => {
    const { nodes, taken } = await setUp(async (port) => {
      const { provider, proxy } = nodes[0]!
      if (port === provider.port) await proxy.set('reset')
    })
    const call = open('orders')
    const { answered, failed } = await post(async (id) => {
      await nodes[0]!.proxy.set('pass')
      return call('POST', '/x', { id })
    })
    expect(failed).toHaveLength(POSTS / 2)
    for (const id of [...answered, ...failed]) expect(taken.get(id)).toBe(1)
  },
)

test.each(Object.entries(callStyles))('fault 20: a POST that never left goes elsewhere, once: %s', async (_, open) => {
  const { mesh, nodes, taken } = await setUp()
  const sound = nodes[1]!.proxy.port
  mesh.registry.set('half', instance('half', await closedPort()), instance('half', sound))
  const call = open('half')
  const { answered } = await post((id) => call('POST', '/x', { id }))
  expect(answered).toHaveLength(POSTS)
  for (const id of answered) expect(taken.get(id)).toBe(1)
})
