import express from 'express'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { defineClient, GET } from 'nacos-sidecar'
import { events } from 'nacos-sidecar/events'
import { isProbe } from '../../../src/lifecycle/request-tracker.js'
import type { StatusReport } from '../../../src/pages/status-report.js'
import { frameworks, sendRaw, target } from '../../support/frameworks.js'
import { answering, join } from '../../support/member.js'
import { testRegistry } from '../../support/registry.js'
import { actuatorApp } from '../actuator/actuator-app.js'

afterEach(() => vi.unstubAllEnvs())

const FILES = ['base/base.css', 'base/dom.js', 'base/icon.svg', 'status/main.js', 'status/status.css']
const verify = (token: string) => token === 'good' || token === 'a;b'
const get = (url: string, headers: Record<string, string> = {}) => fetch(url, { headers, redirect: 'manual' })
const report = async (url: string) => (await (await get(`${url}/_sidecar/status.json`)).json()) as StatusReport

describe.each(frameworks)('/_sidecar on $name', (framework) => {
  test('page, files and JSON, with headers that keep other origins out', async () => {
    const { url } = await actuatorApp({}, { framework })
    const page = await get(`${url}/_sidecar`)
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/)
    const html = await page.text()
    const named = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, path]) => path!)
    expect(named.length).toBeGreaterThan(2)
    for (const path of [...named, ...FILES.map((file) => `_sidecar/${file}`)])
      expect((await get(new URL(path, `${url}/_sidecar`).href)).status, path).toBe(200)
    const json = await get(`${url}/_sidecar/status.json`)
    expect(((await json.json()) as StatusReport).version).toBe(1)
    for (const { headers } of [page, json]) {
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
    }
    expect(json.headers.get('cache-control')).toBe('no-store')
    const slash = await get(`${url}/_sidecar/`)
    expect(new URL(slash.headers.get('location')!, slash.url).pathname).toBe('/_sidecar')
    expect((await fetch(`${url}/_sidecar`, { method: 'HEAD' })).status).toBe(200)
    const etag = (await get(`${url}/_sidecar/base/dom.js`)).headers.get('etag')!
    expect((await get(`${url}/_sidecar/base/dom.js`, { 'if-none-match': etag })).status).toBe(304)
  })

  test("what is not the page's is the app's, and a route of the app wins", async () => {
    const { url } = await actuatorApp(
      {},
      {
        framework,
        routes(app) {
          app.route('GET', '/_sidecar', () => ({ own: true }))
          app.route('GET', '/_sidecars', () => ({ own: true }))
        },
      },
    )
    for (const path of ['/_sidecar', '/_sidecars']) expect(await (await get(url + path)).json()).toEqual({ own: true })
    for (const path of ['/_sidecar/nope', '/_sidecar/status.json/x', '/_sidecarx', '/_sidecar/../package.json'])
      expect((await get(url + path)).status, path).toBe(404)
    expect((await get(`${url}/_sidecar/base/nope.js`)).status).toBe(404)
    expect((await fetch(`${url}/_sidecar/status.json`, { method: 'POST' })).status).toBe(404)
    expect((await get(`${url}/_sidecar/status.json`)).status).toBe(200)
  })

  test('in production it is a 404 of the app, unless it is asked for and guarded', async () => {
    vi.stubEnv('NODE_ENV', 'production')
    const paths = ['/_sidecar', '/_sidecar/status.json', '/_sidecar/base/dom.js']
    const bare = await actuatorApp({}, { framework })
    const unknown = await (await get(`${bare.url}/nowhere`)).text()
    for (const path of paths) {
      const answer = await get(bare.url + path)
      expect([answer.status, await answer.text()], path).toEqual([404, unknown.replaceAll('/nowhere', path)])
    }
    const unguarded = await actuatorApp({ 'sidecar.page': true }, { framework })
    expect(unguarded.lines.join()).toContain('no /_sidecar in production without the guard')
    for (const path of paths) expect((await get(unguarded.url + path)).status, path).toBe(404)

    const guarded = await actuatorApp({ 'sidecar.page': true, 'auth.enabled': true }, { framework, verify })
    for (const path of paths) {
      const status = async (headers: Record<string, string> = {}) => (await get(guarded.url + path, headers)).status
      expect(await status(), path).toBe(401)
      expect(await status({ authorization: 'Bearer bad' }), path).toBe(403)
      expect(await status({ authorization: 'Bearer good' }), path).toBe(200)
    }
    const off = await actuatorApp({ 'auth.enabled': true }, { framework, verify })
    expect((await get(`${off.url}/_sidecar`, { authorization: 'Bearer good' })).status).toBe(404)
  })
})

describe('who may read /_sidecar', () => {
  const PATH = '/_sidecar/status.json'

  test('in development: this machine, by a loopback name, through no proxy', async () => {
    const { url } = await actuatorApp()
    const port = Number(new URL(url).port)
    const status = async (headers: string, version = '1.1') => {
      return (await sendRaw(port, `GET ${PATH} HTTP/${version}\r\nConnection: close\r\n${headers}\r\n`)).status
    }
    for (const host of [
      'localhost',
      `localhost:${port}`,
      'LOCALHOST',
      '127.0.0.1',
      '127.8.8.8:1',
      '[::1]:80',
      'a.localhost',
    ])
      expect(await status(`Host: ${host}\r\n`), host).toBe(200)
    for (const host of [
      'evil.example',
      'localhost.evil.example',
      '127.0.0.1.nip.io',
      '127.0.0.1@evil',
      '10.0.0.1',
      '[::2]',
    ])
      expect(await status(`Host: ${host}\r\n`), host).toBe(403)
    for (const header of ['X-Forwarded-For: 1.2.3.4', 'Forwarded: for=1.2.3.4', 'Via: 1.1 x', 'X-Real-IP: 1.2.3.4'])
      expect(await status(`Host: localhost\r\n${header}\r\n`), header).toBe(403)
    expect(await status('Host: localhost\r\n', '1.0')).toBe(403)
    expect(await status('', '1.0')).toBe(403)
  })

  test('no page of another origin, with a token or without', async () => {
    const { url } = await actuatorApp({ 'auth.enabled': true }, { verify })
    const host = new URL(url).host
    const status = async (path: string, headers: Record<string, string>) =>
      (
        await target(Number(new URL(url).port), path, {
          headers: Object.entries({ authorization: 'Bearer good', ...headers })
            .map(([name, value]) => `${name}: ${value}\r\n`)
            .join(''),
        })
      ).status
    expect(await status(PATH, {})).toBe(200)
    expect(await status(PATH, { 'sec-fetch-site': 'same-origin', origin: 'http://localhost' })).toBe(200)
    for (const origin of ['http://evil.example', 'null', `http://evil.example:${host.split(':')[1]}`, 'file://'])
      for (const path of ['/_sidecar', PATH]) expect(await status(path, { origin }), origin).toBe(403)
    for (const site of ['cross-site', 'same-site']) {
      expect(await status(PATH, { 'sec-fetch-site': site })).toBe(403)
      expect(await status('/_sidecar', { 'sec-fetch-site': site, 'sec-fetch-mode': 'no-cors' })).toBe(403)
      const navigation = { 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate' }
      expect(await status('/_sidecar', { ...navigation, 'sec-fetch-dest': 'iframe' })).toBe(403)
      expect(await status('/_sidecar', { ...navigation, 'sec-fetch-dest': 'document' })).toBe(200)
      expect(await status(PATH, { ...navigation, 'sec-fetch-dest': 'document' })).toBe(403)
    }
  })

  test('an exclude does not open it in production; the guard of the app does not either', async () => {
    vi.stubEnv('NODE_ENV', 'production')
    const settings = { 'sidecar.page': true, 'auth.enabled': true, 'auth.exclude-paths': ['/**'] }
    const { url } = await actuatorApp(settings, { verify })
    for (const token of [undefined, 'good'])
      expect((await get(url + PATH, token ? { authorization: `Bearer ${token}` } : {})).status).toBe(403)
    const manual = await actuatorApp({ ...settings, 'auth.exclude-paths': [], 'auth.mount': 'manual' }, { verify })
    expect((await get(manual.url + PATH)).status).toBe(401)
    expect((await get(manual.url + PATH, { authorization: 'Bearer good' })).status).toBe(200)
  })

  test('a token in the address moves to a cookie of the page', async () => {
    const { url } = await actuatorApp({ 'auth.enabled': true }, { verify })
    const moved = await get(`${url}/_sidecar?token=a%3Bb`)
    expect(moved.status).toBe(303)
    const cookie = moved.headers.get('set-cookie')!
    expect(cookie).toBe('token=a%3Bb; Path=/_sidecar; HttpOnly; SameSite=Strict')
    const next = new URL(moved.headers.get('location')!, moved.url)
    expect(next.pathname + next.search).toBe('/_sidecar')
    expect((await get(next.href, { cookie: cookie.split(';')[0]! })).status).toBe(200)
    expect((await get(`${url}/_sidecar?token=bad`)).status).toBe(403)
    const link = 'Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n'
    const followed = await target(Number(new URL(url).port), '/_sidecar?token=good', { headers: link })
    expect([followed.status, /set-cookie/i.test(followed.text)]).toEqual([200, false])
    const bearer = await actuatorApp({ 'auth.enabled': true, 'auth.token.cookies': false }, { verify })
    expect((await get(`${bearer.url}/_sidecar?token=good`)).status).toBe(200)
  })

  test('on the management port alone, behind the guard in production', async () => {
    vi.stubEnv('NODE_ENV', 'production')
    const settings = { 'management.server.port': 0, 'management.server.address': '127.0.0.1', 'sidecar.page': true }
    const { sidecar, url } = await actuatorApp({ ...settings, 'auth.enabled': true }, { verify })
    const found = sidecar.recentLog().map(({ message }) => /on port (\d+) \(management/.exec(message)?.[1])
    const management = `http://127.0.0.1:${found.find(Boolean)}`
    const good = { authorization: 'Bearer good' }
    expect((await get(url + PATH, good)).status).toBe(404)
    expect((await get(management + PATH)).status).toBe(401)
    const answer = await get(management + PATH, good)
    expect(((await answer.json()) as StatusReport).connections.managementPort).toBe(Number(found.find(Boolean)))
    expect((await get(`${management}/_sidecar/status/main.js`, good)).status).toBe(200)
  })
})

describe('the report of /_sidecar', () => {
  test('registration, registry, services, an ejected instance and why, operations with rates, documents and keys', async () => {
    const registry = await testRegistry()
    registry.configs.publish({
      dataId: 'portal.yml',
      content: 'db: { password: hidden-1, pool-size: 5 }\nother: hidden-1',
    })
    await registry.stub('user-service', answering({ error: 'no' }, 500))
    await registry.stub('user-service', answering({ ok: true }))
    const { sidecar, url } = await join(
      express(),
      registry.settings({
        application: { name: 'portal' },
        'cloud.nacos.discovery.metadata': { team: 'a<b>', 'api-token': 'hidden-2' },
        'sidecar.ejection.failures': 2,
      }),
    )
    const users = sidecar.client(defineClient('user-service', { me: GET('/me', { retry: 0 }) }))
    sidecar.provide('db', { start: () => ({}) })
    const ejected = new Promise((resolve) => sidecar.once('ejected', resolve))
    for (let n = 0; n < 8; n++) await users.me().catch(() => {})
    await ejected
    const now = await report(url)
    const { instance, heartbeat, ...registration } = now.registration
    expect(registration).toMatchObject({
      registers: true,
      registered: true,
      addressReason: expect.stringMatching(/ip/) as string,
    })
    expect(instance).toMatchObject({
      service: 'portal',
      group: 'DEFAULT_GROUP',
      metadata: { team: 'a<b>', 'api-token': '***' },
    })
    expect(heartbeat).toMatchObject({ by: 'heartbeat', failures: 0, intervalMs: 500 })
    expect(now.registries).toMatchObject([{ uses: ['services', 'config'], connected: true, server: registry.address }])
    expect(now.services).toMatchObject([{ service: 'user-service', instances: 2, callable: 2, omitted: 0 }])
    expect(now.services[0]!.list.map(({ state }) => state).sort()).toEqual(['callable', 'ejected'])
    expect(now.ejected).toMatchObject([
      { service: 'user-service', state: 'ejected', failures: 2, connectFailures: 0, ejections: 1 },
    ])
    expect(Date.parse(now.ejected[0]!.until!)).toBeGreaterThan(Date.parse(now.at))
    const call = now.operations.find(({ kind }) => kind === 'client')!
    expect(call).toMatchObject({ name: 'GET user-service/me', count: 8, errors: 2, lastError: 'SIDECAR_CALL_STATUS' })
    expect(call.perSecond).toBeGreaterThan(0)
    expect(now.config.documents.map(({ dataId, state }) => `${dataId} ${state}`)).toContain('portal.yml loaded')
    const shown = new Map(now.config.keys.map(({ key, value, document, line }) => [key, [value, document, line]]))
    expect(shown.get('db.pool-size')).toEqual([5, 'portal.yml', 1])
    expect([shown.get('db.password')![0], shown.get('other')![0]]).toEqual(['***', '***'])
    expect(now.resources).toMatchObject([{ name: 'db', status: 'UP' }])
    expect(now.guard).toMatchObject({ enabled: false })
    expect(now.connections.outgoing.length).toBe(2)
    expect(now.connections.incoming.open).toBeGreaterThan(0)
    expect(now.log.map(({ message }) => message).join()).toContain('keeps failing')
    for (const none of ['', '__proto__', 'a'.repeat(20_000)])
      expect((await get(`${url}/_sidecar/config.json?key=${none}`)).status, none.slice(0, 20)).not.toBe(500)
    expect((await get(`${url}/_sidecar/config.json`)).status).toBe(404)
    const explained = await (await get(`${url}/_sidecar/config.json?key=db.pool-size`)).json()
    expect(explained).toMatchObject({ key: 'db.pool-size', value: 5, origin: { document: 'portal.yml' }, shadows: [] })

    const changed = new Promise((resolve) => sidecar.once('configChanged', resolve))
    registry.configs.publish({ dataId: 'portal.yml', content: 'db: { pool-size: 9 }' })
    await changed
    await vi.waitFor(async () =>
      expect((await report(url)).config.keys.find(({ key }) => key === 'db.pool-size')!.value).toBe(9),
    )
  })

  test('timers: schedule, next and last run, figures; what the app has written is cut, and masked', async () => {
    const { sidecar, url } = await actuatorApp({ 'sidecar.observe.enabled': true })
    sidecar.timer('rates', { every: '1h' }, () => {}, { on: 'one' })
    const broken = sidecar.timer('broken', { every: '2h' }, () => {
      throw new Error(`password=hidden-3 ${'x'.repeat(100_000)}`)
    })
    await broken.run().catch(() => {})
    const { at, timers, operations } = await report(url)
    expect(timers).toMatchObject([
      { name: 'rates', schedule: 'every 1h', on: 'one', running: 0, runs: 0, failures: 0, skipped: 0 },
      { name: 'broken', on: 'each', runs: 1, failures: 1, lastMs: expect.any(Number) as number },
    ])
    expect(Date.parse(timers[0]!.nextAt!) - Date.parse(at)).toBeGreaterThan(3_000_000)
    expect(Date.parse(timers[1]!.lastBeganAt!)).toBeLessThanOrEqual(Date.parse(at))
    expect(timers[0]!.lastError).toBeUndefined()
    expect(timers[1]!.lastError).toMatch(/^password=\*\*\* x+…$/)
    expect(timers[1]!.lastError!.length).toBeLessThanOrEqual(2_000)
    expect(operations).toMatchObject([{ kind: 'timer', name: 'broken', count: 1, errors: 1 }])
  })

  test('events: the broker, each handler with its figures; what others have written is cut, and masked', async () => {
    const { sidecar, url } = await actuatorApp()
    const bus = events(sidecar, { url: 'memory:' })
    const fail = () => {
      throw new Error(`password=hidden-4 ${'x'.repeat(100_000)}`)
    }
    const rules = { name: 'index', mode: 'singleton', concurrency: 2, retry: false } as const
    await bus.on('order-service', 'created', fail, rules).ready
    await bus.emit('created', {}, { source: 'order-service' })
    await bus.emit('created', {}, { source: 'order-service', timeout: 1, signal: AbortSignal.abort() }).catch(() => {})
    await expect.poll(() => bus.status().handlers[0]!.buried).toBe(1)
    const { events: shown, operations } = await report(url)
    expect(shown).toMatchObject([
      {
        ...{ broker: { url: 'memory:', connected: true }, emitted: 1 },
        handlers: [
          {
            ...{ source: 'order-service', type: 'created', mode: 'singleton', handler: 'index', concurrency: 2 },
            ...{ inHand: 0, handled: 0, failed: 1, retried: 0, buried: 1 },
            lastError: expect.stringMatching(/^password=\*\*\* x+…$/) as string,
          },
        ],
      },
    ])
    expect(JSON.stringify(shown).length).toBeLessThan(4_000)
    expect(operations.map(({ kind }) => kind)).toContain('event')
  })

  test('long lists are cut, what is wrong first, and counted', async () => {
    const { sidecar, url, transport } = await actuatorApp()
    for (let n = 0; n < 1_200; n++)
      await transport.register({
        ...{ namespace: '', group: 'DEFAULT_GROUP', service: 'big', ip: `10.0.${n >> 8}.${n & 255}`, port: 80 },
        ...{ weight: 1, healthy: n !== 1_100, enabled: true, ephemeral: true, cluster: 'DEFAULT', metadata: {} },
      })
    await sidecar.discovery.instances('big')
    const [big] = (await report(url)).services
    expect([big!.instances, big!.list.length, big!.omitted]).toEqual([1_200, 1_000, 200])
    expect(big!.list[0]).toMatchObject({ ip: '10.0.4.76', healthy: false, state: 'excluded' })
  })

  test('its requests are no call: neither for the registration nor for the drain, and one operation in the figures', async () => {
    const { sidecar, url } = await actuatorApp()
    for (let n = 0; n < 3; n++) await report(url)
    await (await get(`${url}/_sidecar/base/dom.js`)).arrayBuffer()
    const names = sidecar.stats().operations.map(({ name, count }) => `${name} ${count}`)
    expect(names).toEqual(['GET /_sidecar/* 4'])
    expect(isProbe({ method: 'GET', url: '/_sidecar/status.json', headers: {} } as never)).toBe(true)
  })

  test('it ends with the sidecar', async () => {
    const { sidecar, url } = await actuatorApp()
    expect((await get(`${url}/_sidecar`)).status).toBe(200)
    await sidecar.stop({ drain: false })
    expect((await get(`${url}/_sidecar`).catch(() => ({ status: 404 }))).status).toBe(404)
  })

  test('without figures and without registration it is there as well', async () => {
    const { url } = await actuatorApp({ 'sidecar.observe.enabled': false })
    const now = await report(url)
    expect(now.registration).toMatchObject({ registers: false, registered: false })
    expect(now.operations).toEqual([])
  })
})
