import { createHash } from 'node:crypto'
import type { DevServer } from 'nacos-sidecar/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { devRegistry, form } from '../../support/registry.js'

const SERVICE = { namespace: 'public', group: 'DEFAULT_GROUP', name: 'user-service' }
const CONFIG = { namespace: 'public', group: 'DEFAULT_GROUP', dataId: 'user-service.yml' }
/** What an endpoint may answer. */
interface Body {
  readonly auth: boolean
  readonly code: string
  readonly token: string
  readonly content?: string
  readonly audience: readonly unknown[]
  readonly found: readonly unknown[]
  readonly problems: readonly { level: string; line: number; column: number }[]
  readonly history: readonly { version: number; kind: string }[]
}

const XSS = '<img/src=x/onerror=alert(1)>'

function register(registry: DevServer, fields: Record<string, string | number> = {}) {
  return form(registry, 'POST', '/v1/ns/instance', { ip: '10.0.0.1', port: 80, serviceName: SERVICE.name, ...fields })
}

async function get(registry: DevServer, name: string, query: Record<string, string> = {}, token = '') {
  const response = await fetch(`${registry.url}/_dev/api/${name}?${new URLSearchParams(query)}`, {
    headers: token ? { Authorization: `Bearer ${token}` } : {},
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body }
}

async function post(registry: DevServer, name: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${registry.url}/_dev/api/${name}`, {
    method: 'POST',
    headers: { 'X-Sidecar-Console': '1', ...headers },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Body }
}

/** The messages of the stream, one after the other. */
async function live(registry: DevServer, service?: typeof SERVICE, token = '') {
  const gone = new AbortController()
  onTestFinished(() => gone.abort())
  const key = service && JSON.stringify([service.namespace, service.group, service.name])
  const response = await fetch(`${registry.url}/_dev/api/live?${new URLSearchParams(key ? { service: key } : {})}`, {
    signal: gone.signal,
    headers: token ? { Authorization: `Bearer ${token}` } : {},
  })
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  const waiting: Record<string, unknown>[] = []
  /** The next message of this type; others are passed over. */
  const next = async (type: string): Promise<Record<string, unknown>> => {
    for (;;) {
      const found = waiting.shift()
      if (found?.['type'] === type) return found
      if (found) continue
      const { done, value } = await reader.read()
      if (done) throw new Error('the stream has ended')
      const lines = (rest + value).split('\n')
      rest = lines.pop()!
      waiting.push(...lines.filter(Boolean).map((line) => JSON.parse(line)))
    }
  }
  return { next, response }
}

describe('the console: page and files', () => {
  it('is a page without data, under a policy that runs nothing but its own files', async () => {
    const registry = await devRegistry()
    await register(registry, { serviceName: XSS, metadata: 'token=canary-secret' })
    registry.configs.publish({ dataId: 'a.yml', content: 'password: canary-secret' })
    for (const path of ['/', '/nacos', '/nacos/']) {
      const response = await fetch(registry.url + path)
      const page = await response.text()
      expect(response.status, path).toBe(200)
      expect(response.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'")
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      expect(page).not.toMatch(/canary|onerror|10\.0\.0\.1/)
    }
  })

  it('has every script and style that it names, and every module that those import', async () => {
    const registry = await devRegistry()
    const page = await (await fetch(registry.url)).text()
    const wanted = [...page.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, path]) => new URL(path!, registry.url).href)
    const seen = new Set<string>()
    for (const url of wanted) {
      if (seen.has(url)) continue
      seen.add(url)
      const response = await fetch(url)
      expect(response.status, url).toBe(200)
      expect(response.headers.get('x-content-type-options'), url).toBe('nosniff')
      const again = await fetch(url, { headers: { 'If-None-Match': response.headers.get('etag')! } })
      expect(again.status, url).toBe(304)
      const text = await response.text()
      if (!url.endsWith('.js')) continue
      expect(text, url).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b/)
      for (const [, path] of text.matchAll(/ from '(\.[^']+)'/g)) wanted.push(new URL(path!, url).href)
    }
    expect(seen.size).toBeGreaterThan(20)
  })

  it('answers HEAD, and 404 for what is not there', async () => {
    const registry = await devRegistry()
    const head = await fetch(registry.url, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    for (const path of ['/_dev/files/base/none.js', '/_dev/files/../../package.json', '/_dev/api/none', '/_dev/']) {
      expect((await fetch(registry.url + path)).status, path).toBe(404)
    }
    expect((await get(registry, '__proto__')).status).toBe(404)
    expect((await post(registry, 'constructor', {})).status).toBe(404)
  })
})

describe('the console: live', () => {
  it('tells what there is, and what comes, changes and goes', async () => {
    const registry = await devRegistry()
    await register(registry)
    const { next, response } = await live(registry, SERVICE)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(await next('about')).toMatchObject({ address: registry.address, grpcPort: registry.grpcPort })
    expect((await next('instances'))['upsert']).toMatchObject([{ ip: '10.0.0.1', port: 80, healthy: true, by: 'http' }])
    expect((await next('services'))['upsert']).toMatchObject([{ ...SERVICE, instances: 1, serving: 1, subscribers: 0 }])
    expect(await next('configs')).toMatchObject({ upsert: [], gone: [] })

    await register(registry, { ip: '10.0.0.2', metadata: JSON.stringify({ note: XSS }) })
    expect((await next('services'))['upsert']).toMatchObject([{ instances: 2 }])
    // The one that has not changed is not told again.
    expect((await next('instances'))['upsert']).toMatchObject([{ ip: '10.0.0.2', metadata: { note: XSS } }])

    await form(registry, 'DELETE', '/v1/ns/instance', { ip: '10.0.0.1', port: 80, serviceName: SERVICE.name })
    expect(await next('instances')).toMatchObject({ upsert: [], gone: ['10.0.0.1#80'] })

    registry.configs.publish({ dataId: CONFIG.dataId, content: 'a: 1' })
    expect((await next('configs'))['upsert']).toMatchObject([{ ...CONFIG, bytes: 4, versions: 1, type: 'yaml' }])
    registry.configs.delete({ dataId: CONFIG.dataId })
    expect((await next('configs'))['gone']).toEqual([JSON.stringify(Object.values(CONFIG))])
  })

  it('tells of services without an instance, and of their end', async () => {
    const registry = await devRegistry()
    const { next } = await live(registry)
    await next('configs')
    await form(registry, 'POST', '/v1/ns/service', { serviceName: 'empty' })
    expect((await next('services'))['upsert']).toMatchObject([{ name: 'empty', instances: 0 }])
    expect(await post(registry, 'service/remove', { ...SERVICE, name: 'empty' })).toMatchObject({ status: 200 })
    expect((await next('services'))['gone']).toHaveLength(1)
  })

  it('ends with the registry', async () => {
    const registry = await devRegistry()
    const { next } = await live(registry)
    await next('configs')
    const ended = expect(next('never')).rejects.toThrow()
    await registry.stop()
    await ended
  })
})

describe('the console: instances', () => {
  const where = { ...SERVICE, ip: '10.0.0.1', port: 80 }
  const listed = async (registry: DevServer) =>
    JSON.parse((await form(registry, 'GET', '/v1/ns/instance/list', { serviceName: SERVICE.name })).body).hosts

  it('sets weight, enabled and metadata, one without the others, as clients see them; and takes all back', async () => {
    const registry = await devRegistry()
    await register(registry, { weight: 2, metadata: 'zone=a' })
    expect((await post(registry, 'instance', { ...where, weight: 5 })).status).toBe(200)
    expect((await post(registry, 'instance', { ...where, metadata: { zone: 'b', extra: XSS } })).status).toBe(200)
    expect(await listed(registry)).toMatchObject([{ weight: 5, metadata: { zone: 'b', extra: XSS } }])

    const { next } = await live(registry, SERVICE)
    expect((await next('instances'))['upsert']).toMatchObject([{ published: { weight: 2, metadata: { zone: 'a' } } }])
    expect((await post(registry, 'instance', { ...where, enabled: false })).status).toBe(200)
    expect(await listed(registry)).toEqual([])

    expect((await post(registry, 'instance/reset', where)).status).toBe(200)
    expect(await listed(registry)).toMatchObject([{ weight: 2, enabled: true, metadata: { zone: 'a' } }])
  })

  it('an added entry can be removed again, one that the instance publishes cannot', async () => {
    const registry = await devRegistry()
    await register(registry, { metadata: 'zone=a' })
    await post(registry, 'instance', { ...where, metadata: { zone: 'a', extra: '1' } })
    await post(registry, 'instance', { ...where, metadata: { zone: 'a' } })
    expect((await listed(registry))[0].metadata).toEqual({ zone: 'a' })
    expect(await post(registry, 'instance', { ...where, metadata: {} })).toMatchObject({
      status: 400,
      body: { code: 'published-key' },
    })
  })

  it('refuses what Nacos refuses, and says so of an instance that is gone', async () => {
    const registry = await devRegistry()
    await register(registry)
    for (const change of [
      { weight: -1 },
      { weight: 10_001 },
      { weight: '5' },
      { metadata: [] },
      { metadata: { a: 1 } },
    ]) {
      const { status, body } = await post(registry, 'instance', { ...where, ...change })
      expect([status, body.code], JSON.stringify(change)).toEqual([400, 'invalid'])
    }
    const gone = { ...where, port: 81 }
    for (const name of ['instance', 'instance/reset', 'instance/deregister']) {
      expect(await post(registry, name, gone), name).toMatchObject({ status: 404, body: { code: 'not-found' } })
    }
    expect((await post(registry, 'service/remove', SERVICE)).body.code).toBe('not-empty')
  })

  it('deregisters', async () => {
    const registry = await devRegistry()
    await register(registry)
    expect((await post(registry, 'instance/deregister', where)).status).toBe(200)
    expect(await listed(registry)).toEqual([])
  })
})

describe('the console: configs', () => {
  const md5 = (content: string) => createHash('md5').update(content).digest('hex')

  it('publishes over what was seen only, and keeps what each document was in this run', async () => {
    const registry = await devRegistry()
    const publish = (content: string, seen?: string) =>
      post(registry, 'config/publish', { ...CONFIG, content, format: 'yaml', ...(seen !== undefined && { md5: seen }) })
    expect(await publish('a: 1', '')).toMatchObject({ status: 200, body: { md5: md5('a: 1') } })
    expect(await publish('a: 2', md5('a: 1'))).toMatchObject({ status: 200 })
    expect(await publish('a: 3', md5('a: 1'))).toMatchObject({ status: 409, body: { code: 'conflict' } })
    expect(await publish('a: 3', '')).toMatchObject({ status: 409 })
    expect(await publish('  ')).toMatchObject({ status: 400 })
    expect(registry.configs.get({ dataId: CONFIG.dataId })).toMatchObject({ content: 'a: 2', type: 'yaml' })

    await form(registry, 'POST', '/v1/cs/configs', { dataId: CONFIG.dataId, group: CONFIG.group, content: `b: ${XSS}` })
    expect((await post(registry, 'config/delete', CONFIG)).status).toBe(200)
    const { body } = await get(registry, 'config', CONFIG)
    expect(body.content).toBeUndefined()
    expect(body.history.map(({ version, kind }) => [version, kind])).toEqual([
      [4, 'deleted'],
      [3, 'published'],
      [2, 'published'],
      [1, 'published'],
    ])
    const version = await get(registry, 'config/version', { ...CONFIG, version: '3' })
    expect(version.body).toMatchObject({ content: `b: ${XSS}` })
    expect(version.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect((await get(registry, 'config/version', { ...CONFIG, version: '9' })).status).toBe(404)
  })

  it('forgets the oldest of 50 versions', async () => {
    const registry = await devRegistry()
    for (let n = 1; n <= 60; n++) registry.configs.publish({ dataId: CONFIG.dataId, content: `n: ${n}` })
    const { history } = (await get(registry, 'config', CONFIG)).body
    expect([history.length, history[0]!.version, history.at(-1)!.version]).toEqual([50, 60, 11])
  })

  it.each([
    ['yaml', 'a: 1\nb: 2\n', []],
    ['yaml', '---\na: 1\n---\nb: 2\n', []],
    ['yaml', 'a: 1\n b: 2', [['error', 2, 3]]],
    ['yaml', 'a: 1\na: 2', [['error', 2, 1]]],
    ['json', '{"a": [1, {"b": "c\\n"}], "d": -1.5e3, "e": null}', []],
    ['json', '{"a": 1,\n "b" 2}', [['error', 2, 6]]],
    ['json', '{"a": 1,}', [['error', 1, 9]]],
    ['json', '[1, 2', [['error', 1, 6]]],
    ['json', '{"a": tru}', [['error', 1, 7]]],
    ['properties', 'a=1\nb=2', []],
    ['properties', 'a=1\nb=2\na=3', [['warning', 3, 1]]],
    ['text', 'a: 1\n b: 2', []],
    ['yaml', ' \n', [['error', 0, 0]]],
  ])('checks %s %j', async (format, content, expected) => {
    const registry = await devRegistry()
    const { body } = await post(registry, 'config/check', { content, format })
    expect(body.problems.map(({ level, line, column }) => [level, line, column])).toEqual(expected)
  })

  it('finds documents by what they hold, and knows the long polls that wait for one', async () => {
    const registry = await devRegistry()
    registry.configs.publish({ dataId: CONFIG.dataId, content: 'Needle: 1' })
    registry.configs.publish({ dataId: 'other.yml', content: 'hay: 1' })
    expect((await get(registry, 'config/search', { text: 'needle' })).body.found).toEqual([CONFIG])

    const gone = new AbortController()
    const poll = fetch(`${registry.url}/nacos/v1/cs/configs/listener`, {
      method: 'POST',
      signal: gone.signal,
      headers: { 'Long-Pulling-Timeout': '30000', 'User-Agent': 'probe' },
      body: new URLSearchParams({
        'Listening-Configs': `${CONFIG.dataId}\u0002${CONFIG.group}\u0002${md5('Needle: 1')}\u0001`,
      }),
    }).catch(() => {})
    const audience = async () => (await get(registry, 'config', CONFIG)).body.audience
    await expect.poll(audience).toEqual([{ via: 'long-poll', client: 'probe', address: '127.0.0.1' }])
    gone.abort()
    await poll
    await expect.poll(audience).toEqual([])
  })
})

describe('the console: access', () => {
  it('a change needs a header that no form of another site can send', async () => {
    const registry = await devRegistry()
    const body = JSON.stringify({ ...CONFIG, content: 'a: 1', format: 'yaml' })
    const plain = await fetch(`${registry.url}/_dev/api/config/publish`, { method: 'POST', body })
    expect(plain.status).toBe(403)
    expect((await fetch(`${registry.url}/_dev/api/config/publish?${new URLSearchParams(CONFIG)}`)).status).toBe(404)
    expect(registry.configs.get({ dataId: CONFIG.dataId })).toBeUndefined()
  })

  it('refuses another origin, for files, streams and changes alike', async () => {
    const registry = await devRegistry()
    const strangers: Record<string, string>[] = [{ Origin: 'http://evil.example' }, { 'Sec-Fetch-Site': 'cross-site' }]
    for (const headers of strangers) {
      for (const path of ['/_dev/api/live', '/_dev/api/config', '/_dev/files/base/dom.js', '/_dev/api/login']) {
        const method = path.endsWith('login') ? 'POST' : 'GET'
        const response = await fetch(registry.url + path, { method, headers })
        expect(response.status, path).toBe(403)
        expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
      }
    }
  })

  it('takes nothing but an object, of no more than the limit', async () => {
    const registry = await devRegistry({ limits: { hardBytes: 10_000 } })
    for (const body of [[], null, 'a', 1]) {
      expect(await post(registry, 'config/publish', body)).toMatchObject({ status: 400, body: { code: 'invalid' } })
    }
    const large = await fetch(`${registry.url}/_dev/api/config/check`, {
      method: 'POST',
      headers: { 'X-Sidecar-Console': '1' },
      body: JSON.stringify({ content: 'x'.repeat(20_000), format: 'text' }),
    }).then(
      ({ status }) => status,
      () => 413,
    )
    expect(large).toBe(413)
    for (const name of ['../a.yml', 'a b', '']) {
      expect((await get(registry, 'config', { ...CONFIG, dataId: name })).status, name).toBe(400)
    }
  })

  it('with auth on, shows and changes nothing without a token of its login', async () => {
    const registry = await devRegistry({ auth: { username: 'dev', password: 'canary-password' } })
    expect((await get(registry, 'state')).body).toEqual({ auth: true })
    for (const name of ['live', 'config', 'config/version', 'config/search']) {
      expect((await get(registry, name, { ...CONFIG })).status, name).toBe(401)
    }
    const draft = { ...CONFIG, content: 'a: 1', format: 'yaml' }
    expect((await post(registry, 'config/publish', draft)).status).toBe(401)
    expect(await post(registry, 'login', { username: 'dev', password: 'wrong' })).toMatchObject({
      status: 401,
      body: { code: 'wrong-password' },
    })
    const { token } = (await post(registry, 'login', { username: 'dev', password: 'canary-password' })).body
    const { next } = await live(registry, undefined, token)
    await next('configs')
    expect((await post(registry, 'config/publish', draft, { Authorization: `Bearer ${token}` })).status).toBe(200)
    expect((await post(registry, 'config/publish', draft, { Authorization: 'Bearer a.b.c' })).status).toBe(401)
  })

  it('slows down the guessing of passwords', async () => {
    const registry = await devRegistry({ auth: { username: 'dev', password: 'p' } })
    const guesses = Array.from({ length: 25 }, () => post(registry, 'login', { username: 'dev', password: 'x' }))
    expect((await Promise.all(guesses)).map(({ status }) => status)).toContain(429)
  })
})
