import type { ServerResponse } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { callStyles, typedCall } from '../../support/call-styles.js'
import { activeRuntime } from '../../../src/calls/active-runtime.js'
import { createFetch } from '../../../src/http/fetch.js'
import { echo, instance, startMesh, startProvider, type Provider } from '../../support/mesh.js'

const LIMIT = 3
const limited = { connectTimeout: 100, maxConnections: LIMIT }

/** Never ends the answers of `/stuck` and of `/events`. */
function open({ url }: { url: string }, response: ServerResponse): void {
  const type = url === '/events' ? 'text/event-stream' : 'application/octet-stream'
  response.writeHead(200, { 'content-type': type }).write('data: 1\n\n')
}

function serving(): Promise<Provider> {
  return startProvider((seen, response) =>
    seen.url === '/stuck' || seen.url === '/events' ? open(seen, response) : echo(seen, response),
  )
}

/** Answers that stay open until the test ends; held, as undici cancels the body of an answer that was collected. */
async function keepOpen(url: string, count: number): Promise<void> {
  const ended = new AbortController()
  const answers: Response[] = []
  onTestFinished(() => {
    ended.abort()
    answers.length = 0
  })
  const fetch = createFetch(activeRuntime)
  for (let i = 0; i < count; i++) answers.push(await fetch(url, { signal: ended.signal }))
  expect(answers.map(({ status }) => status)).toEqual(Array<number>(count).fill(200))
}

const calls = Object.entries(callStyles).filter(([name]) => name !== 'axios') // its agents have limits of their own

describe.each(calls)('K8: answers that are not read: %s', (_, open) => {
  test('K8: further calls go to the next instance after a short wait, and one warning names the setting', async () => {
    const mesh = startMesh({ feign: { client: { default: limited } } })
    const [held, free] = [await serving(), await serving()]
    mesh.registry.set('shop', instance('shop', held.port))
    await keepOpen('http://shop/stuck', LIMIT)
    mesh.registry.set('pair', instance('pair', held.port), instance('pair', free.port))
    const call = open('pair')
    for (let i = 0; i < 4; i++) expect(await call('POST', '/x', {})).toMatchObject({ port: free.port })
    const warned = mesh.logged.filter((line) => line.includes('max-connections'))
    expect(warned).toHaveLength(1)
    expect(warned[0]).toContain(`all ${LIMIT} connections to ${held.origin} are in use`)
    expect(mesh.events.map(([event]) => event)).not.toContain('ejected')
  })

  test('K8: where there is no other instance the error names the setting', async () => {
    const mesh = startMesh({ feign: { client: { shop: limited } } })
    mesh.registry.set('shop', instance('shop', (await serving()).port))
    await keepOpen('http://shop/stuck', LIMIT)
    const error: unknown = await open('shop')('GET', '/x').catch((reason: unknown) => reason)
    const { code, cause, message } = error as Error & { code?: string; cause?: Error & { code?: string } }
    expect([code, cause?.code]).toContain('SIDECAR_CALL_TIMEOUT')
    expect(`${message} ${cause?.message}`).toContain('max-connections')
  })

  test('K8: event streams are counted apart', async () => {
    const mesh = startMesh({ feign: { client: { shop: limited } } })
    const provider = await serving()
    mesh.registry.set('shop', instance('shop', provider.port))
    await keepOpen('http://shop/events', LIMIT * 3)
    const call = open('shop')
    for (let i = 0; i < LIMIT * 2; i++) expect(await call('GET', '/x')).toMatchObject({ port: provider.port })
  })
})

test('K8: a call whose read timeout ends before a connection is free goes to the next instance', async () => {
  const mesh = startMesh({ feign: { client: { default: { connectTimeout: 60_000, maxConnections: LIMIT } } } })
  const [held, free] = [await serving(), await serving()]
  mesh.registry.set('shop', instance('shop', held.port))
  await keepOpen('http://shop/stuck', LIMIT)
  mesh.registry.set('pair', instance('pair', held.port), instance('pair', free.port))
  const call = typedCall('pair', { readTimeoutMs: 100 })
  for (let i = 0; i < 4; i++) expect(await call('POST', '/x', {})).toMatchObject({ port: free.port })
})

test('K8: event streams that are opened all at once wait for none of each other', async () => {
  const mesh = startMesh({ feign: { client: { shop: { maxConnections: 8 } } } })
  const provider = await serving()
  mesh.registry.set('shop', instance('shop', provider.port))
  await Promise.all(Array.from({ length: 40 }, () => keepOpen('http://shop/events', 1)))
  expect(provider.seen).toHaveLength(40)
  expect(await callStyles['typed client']!('shop')('GET', '/x')).toMatchObject({ port: provider.port })
})

test('K8: calls that wait go on as connections become free, however many they are', async () => {
  const mesh = startMesh({ feign: { client: { shop: { ...limited, connectTimeout: 2_000 } } } })
  const sockets = new Set<unknown>()
  const provider = await startProvider((seen, response) => {
    sockets.add(response.socket)
    setTimeout(echo, 100, seen, response)
  })
  mesh.registry.set('shop', instance('shop', provider.port))
  const call = callStyles['typed client']!('shop')
  // Longer in all than any of them would wait for the first connection to become free.
  await Promise.all(Array.from({ length: LIMIT * 24 }, () => call('GET', '/x')))
  expect(provider.seen).toHaveLength(LIMIT * 24)
  expect(sockets.size).toBeLessThanOrEqual(LIMIT)
})

test('K8: a call that was aborted waits no more, and the connection it would have got serves the next one', async () => {
  const mesh = startMesh({ feign: { client: { shop: { ...limited, connectTimeout: 60_000, maxConnections: 1 } } } })
  const answers: ServerResponse[] = []
  const provider = await startProvider(
    (seen, response) => void (seen.url === '/hold' ? answers.push(response) : echo(seen, response)),
  )
  mesh.registry.set('shop', instance('shop', provider.port))
  const fetch = createFetch(activeRuntime)
  const call = callStyles['typed client']!('shop')
  const first = fetch('http://shop/hold')
  await expect.poll(() => answers.length).toBe(1)
  const abort = new AbortController()
  const second = fetch('http://shop/x', { signal: abort.signal }).catch((error: unknown) => error)
  const third = call('GET', '/x')
  abort.abort()
  expect(await second).toMatchObject({ name: 'AbortError' })
  answers[0]!.end('done')
  expect(await (await first).text()).toBe('done')
  expect(await third).toMatchObject({ url: '/x' })
})

test('K8: a connection that becomes free while the own event loop is blocked is not missed', async () => {
  const mesh = startMesh({ feign: { client: { shop: { ...limited, maxConnections: 1 } } } })
  const answers: ServerResponse[] = []
  const provider = await startProvider(
    (seen, response) => void (seen.url === '/hold' ? answers.push(response) : echo(seen, response)),
  )
  mesh.registry.set('shop', instance('shop', provider.port))
  const call = callStyles['typed client']!('shop')
  const first = createFetch(activeRuntime)('http://shop/hold').then((answer) => answer.text())
  await expect.poll(() => answers.length).toBe(1)
  const second = call('GET', '/x')
  answers[0]!.end('done')
  const blockedSince = performance.now()
  while (performance.now() - blockedSince < limited.connectTimeout * 5);
  expect(await Promise.all([first, second])).toMatchObject(['done', { url: '/x' }])
})
