import { createHash } from 'node:crypto'
import type { ConfigKey } from 'nacos-sidecar'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startFaultProxy } from '../../../support/fault-proxy.js'
import { openTransport } from '../../../support/transport.js'
import { bound } from '../../../support/scale.js'
import { startScriptedRegistry, type Handler, type ScriptedAnswer } from '../../../support/scripted-registry.js'

const LISTENER = 'POST /nacos/v1/cs/configs/listener'
const md5 = (text: string) => createHash('md5').update(text).digest('hex')
const keyOf = (dataId: string): ConfigKey => ({ namespace: '', group: 'G', dataId })

/** Documents, and a listener that answers once one differs; holds back otherwise. */
async function registry(initial: Record<string, string> = {}) {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  const documents = new Map(Object.entries(initial))
  const changed = new EventTarget()
  const listen: Handler = async ({ form }) => {
    const asked = form
      .get('Listening-Configs')!
      .split('\x01')
      .filter(Boolean)
      .map((line) => line.split('\x02') as [string, string, string])
    for (;;) {
      const differing = asked.filter(
        ([dataId, , known]) => known !== (documents.has(dataId) ? md5(documents.get(dataId)!) : ''),
      )
      if (differing.length > 0)
        return { body: differing.map(([dataId, group]) => `${encodeURIComponent(dataId)}%02${group}%01`).join('') }
      await new Promise((resolve) => changed.addEventListener('change', resolve, { once: true }))
    }
  }
  server.on('GET /nacos/v1/cs/configs', ({ query }) => {
    const content = documents.get(query.get('dataId')!)
    return content === undefined
      ? { status: 404, body: 'config data not exist' }
      : { headers: { 'config-type': 'yaml' }, body: content }
  })
  server.on(LISTENER, listen)
  return Object.assign(server, {
    put(dataId: string, content: string | undefined) {
      if (content === undefined) documents.delete(dataId)
      else documents.set(dataId, content)
      changed.dispatchEvent(new Event('change'))
    },
  })
}

test('reports changes, deletion and return, each once', async () => {
  const server = await registry({ a: 'one' })
  const heard: (string | undefined)[] = []
  openTransport([server]).watchConfig(keyOf('a'), md5('one'), (item) => heard.push(item?.content))
  for (const content of ['two', undefined, 'three']) {
    const before = heard.length
    server.put('a', content)
    await vi.waitFor(() => expect(heard).toHaveLength(before + 1))
  }
  expect(heard).toEqual(['two', undefined, 'three'])
})

test('follows many configs with one request, and starts it anew for one more', async () => {
  const server = await registry()
  const transport = openTransport([server])
  const heard: string[] = []
  const follow = (dataId: string) => transport.watchConfig(keyOf(dataId), '', () => heard.push(dataId))
  const names = Array.from({ length: 50 }, (_, n) => `app-${n}.yml`)
  names.forEach(follow)
  await vi.waitFor(() => expect(server.seen(LISTENER)).toHaveLength(1))
  expect(server.requests[0]!.headers['long-pulling-timeout']).toBe('30000')
  for (const name of names)
    expect(server.requests[0]!.form.get('Listening-Configs')).toContain(`${name}\x02G\x02\x02\x01`)

  const end = follow('one-more')
  await vi.waitFor(() => expect(server.seen(LISTENER)).toHaveLength(2))
  expect(server.requests[1]!.form.get('Listening-Configs')).toContain('one-more')
  server.put('app-7.yml', 'x')
  await vi.waitFor(() => expect(heard).toEqual(['app-7.yml']))

  end()
  await vi.waitFor(() => expect(server.seen(LISTENER).at(-1)!.form.get('Listening-Configs')).not.toContain('one-more'))
  await vi.waitFor(async () => expect(await server.connections()).toBeLessThan(4))
})

test('ends its request with the last watch', async () => {
  const server = await registry()
  const end = openTransport([server]).watchConfig(keyOf('a'), '', () => {})
  await vi.waitFor(() => expect(server.seen(LISTENER)).toHaveLength(1))
  end()
  end()
  await vi.waitFor(async () => expect(await server.connections()).toBe(0))
  expect(server.seen(LISTENER)).toHaveLength(1)
})

test('two watchers of one config each get what they do not have', async () => {
  const server = await registry({ a: 'now' })
  const transport = openTransport([server])
  const heard: string[] = []
  transport.watchConfig(keyOf('a'), md5('now'), (item) => heard.push(`up to date: ${item?.content}`))
  await vi.waitFor(() => expect(server.seen(LISTENER)).toHaveLength(1))
  transport.watchConfig(keyOf('a'), md5('old'), (item) => heard.push(`behind: ${item?.content}`))
  await vi.waitFor(() => expect(heard).toEqual(['behind: now']))
  server.put('a', 'next')
  await vi.waitFor(() => expect(heard.slice(1).sort()).toEqual(['behind: next', 'up to date: next']))
})

test('a listener that throws harms no other', async () => {
  const server = await registry({ a: 'one' })
  const transport = openTransport([server])
  const heard = vi.fn()
  transport.watchConfig(keyOf('a'), '', () => {
    throw new Error('listener broke')
  })
  transport.watchConfig(keyOf('a'), '', heard)
  await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(1))
  expect(transport.lines).toContainEqual('error A listener of config a (G) threw: listener broke')
  server.put('a', 'two')
  await vi.waitFor(() => expect(heard).toHaveBeenCalledTimes(2))
})

/** Requests in a second of watching `a` on a server that answers so. */
async function requestsPerSecond(script: (server: Awaited<ReturnType<typeof registry>>) => void) {
  const server = await registry({ a: 'one' })
  script(server)
  openTransport([server]).watchConfig(keyOf('a'), md5('one'), () => {})
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  return server.requests.length
}

test.each([
  ['answers at once with nothing', { body: '' }],
  ['names the config over and over, though it has not changed', { body: 'a%02G%01' }],
  ['answers garbage', { body: '%zz' }],
  ['answers 500', { status: 500, body: 'oops' }],
  ['answers 403', { status: 403, body: 'no' }],
])('no hot loop on a server that %s', async (_name, answer) => {
  expect(await requestsPerSecond((server) => server.on(LISTENER, answer))).toBeLessThanOrEqual(8)
})

test('the answer in a header is read', async () => {
  const server = await registry({ a: 'one' })
  let told = false
  server.on(LISTENER, () =>
    told ? 'never' : ((told = true), { headers: { 'Probe-Modify-Response-New': 'a%02G%01' } }),
  )
  const heard = vi.fn()
  openTransport([server]).watchConfig(keyOf('a'), '', heard)
  await vi.waitFor(() => expect(heard).toHaveBeenCalledWith(expect.objectContaining({ content: 'one', type: 'yaml' })))
})

test('outlives an outage and goes on as soon as the registry answers', async () => {
  const server = await registry({ a: 'one' })
  const proxy = await startFaultProxy(server)
  onTestFinished(() => proxy.close())
  const transport = openTransport([proxy])
  const heard: (string | undefined)[] = []
  transport.watchConfig(keyOf('a'), md5('one'), (item) => heard.push(item?.content))
  await vi.waitFor(() => expect(server.seen(LISTENER)).toHaveLength(1))
  await proxy.set('refuse')
  await vi.waitFor(() =>
    expect(transport.lines.some((line) => /^(warn|debug) Watching 1 config/.test(line))).toBe(true),
  )
  server.put('a', 'two')
  await proxy.set('pass')
  await vi.waitFor(() => expect(heard).toEqual(['two']), { timeout: 5_000 })
  expect(heard).not.toContain(undefined)
})

test('reads from time to time where there is no long poll (v3)', async () => {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  let content: string | undefined = 'one'
  server.on('GET /nacos/v3/client/cs/config', () => ({
    body:
      content === undefined
        ? { code: 20004, message: 'resource not found', data: null }
        : { code: 0, data: { content, contentType: 'text' } },
  }))
  const transport = openTransport([server], { apiVersion: 'v3', configPollMs: 50 })
  const heard: (string | undefined)[] = []
  transport.watchConfig(keyOf('a'), md5('zero'), (item) => heard.push(item?.content))
  await vi.waitFor(() => expect(heard).toEqual(['one']))
  content = 'two'
  await vi.waitFor(() => expect(heard).toEqual(['one', 'two']))
  content = undefined
  await vi.waitFor(() => expect(heard).toEqual(['one', 'two', undefined]))
  expect(server.seen('POST')).toEqual([])
})

test.each(['v3 and v1', 'v1 alone'])(
  'R3: a change is heard of at once wherever the server has a listener: %s',
  async (apis) => {
    const server = await registry({ a: '0' })
    if (apis === 'v3 and v1') {
      server.on('GET /nacos/v3/client/ns/instance/list', { body: { code: 0, data: [] } })
      server.on('GET /nacos/v3/client/cs/config', async ({ query }) => {
        const url = `http://${server.address}/nacos/v1/cs/configs?dataId=${query.get('dataId')}&group=G`
        const answer = await fetch(url)
        if (answer.status === 404) return { body: { code: 20004, message: 'not found', data: null } }
        return { body: { code: 0, data: { content: await answer.text(), contentType: 'yaml' } } }
      })
    }
    const transport = openTransport([server], { apiVersion: 'auto' })
    const late: number[] = []
    let publishedMs = 0
    transport.watchConfig(keyOf('a'), md5('0'), () => late.push(performance.now() - publishedMs))
    for (let round = 1; round <= 40; round++) {
      const before = server.seen(LISTENER).length
      if (round === 1) await vi.waitFor(() => expect(server.seen(LISTENER).length).toBeGreaterThan(0))
      publishedMs = performance.now()
      server.put('a', String(round))
      await vi.waitFor(() => expect(late).toHaveLength(round), { interval: 5 })
      await vi.waitFor(() => expect(server.seen(LISTENER).length).toBeGreaterThan(before), { interval: 5 })
    }
    expect(late.sort((a, b) => a - b)[38]).toBeLessThan(bound(150))
    expect(transport.describe().protocol).toBe(apis === 'v1 alone' ? 'http v1' : 'http v3')
    expect(transport.longPolls).toBe(true)
  },
)

test('R3: where there is no listener, documents are polled, and the listener is not asked again', async () => {
  const server = await registry()
  server.on('/v1/', { status: 410, body: { code: 40000, message: 'Current API will be deprecated' } })
  server.on('GET /nacos/v3/client/ns/instance/list', { body: { code: 0, data: [] } })
  let content = 'one'
  server.on('GET /nacos/v3/client/cs/config', () => ({ body: { code: 0, data: { content, contentType: 'yaml' } } }))
  const transport = openTransport([server], { apiVersion: 'auto', configPollMs: 20 })
  const heard: (string | undefined)[] = []
  transport.watchConfig(keyOf('a'), md5('one'), (item) => heard.push(item?.content))
  await vi.waitFor(() => expect(server.seen('/v3/client/cs/config').length).toBeGreaterThan(3))
  content = 'two'
  await vi.waitFor(() => expect(heard).toEqual(['two']))
  expect(server.seen(LISTENER)).toHaveLength(1)
  expect(transport.longPolls).toBe(false)
  expect(transport.lines.filter((line) => /^(warn|error)/.test(line))).toEqual([])
})

test.each<[string, ScriptedAnswer]>([
  ['answers at once and empty', { body: '' }],
  ['answers at once with what is no document', { body: 'ok' }],
  ['refuses with 403', { status: 403 }],
  ['fails with 502', { status: 502 }],
  ['answers with a page', { headers: { 'content-type': 'text/html' }, body: '<html><title>Sign in</title></html>' }],
])('R3: a change is heard of through a gateway that lets read but not listen: it %s', async (_how, answer) => {
  const server = await registry({ a: 'one' })
  server.on(LISTENER, answer)
  const heard: (string | undefined)[] = []
  openTransport([server], { configPollMs: 50 }).watchConfig(keyOf('a'), md5('one'), (item) => heard.push(item?.content))
  await vi.waitFor(() => expect(server.seen('GET /nacos/v1/cs/configs').length).toBeGreaterThan(0), { timeout: 5_000 })
  server.put('a', 'two')
  await vi.waitFor(() => expect(heard).toEqual(['two']), { timeout: 8_000 })
})
