import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { startDevServer } from 'nacos-sidecar/dev-server'
import type { DevServer } from 'nacos-sidecar/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { devRegistry, form } from '../support/registry.js'

const REGISTER = { ip: '6.6.6.6', port: 666, serviceName: 'evil' }
const LIST = '/v1/ns/instance/list'

/** A request with headers that fetch would not let through (Host). */
function raw(
  registry: DevServer,
  headers: Record<string, string>,
  method = 'POST',
  path = `/nacos/v1/ns/instance?${new URLSearchParams(Object.entries(REGISTER).map(([k, v]): [string, string] => [k, String(v)]))}`,
) {
  return new Promise<{ status: number; body: string; headers: Record<string, unknown> }>((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port: registry.port, method, path, headers }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (body += chunk))
      response.on('end', () => resolve({ status: response.statusCode!, body, headers: response.headers }))
    })
    request.on('error', reject)
    request.end()
  })
}

function recordingLogger() {
  const lines: string[] = []
  const note = (line: string) => void lines.push(line)
  return { lines, logger: { debug: note, info: note, warn: note, error: note } }
}

describe('attack: dev server', () => {
  it('attack: dev server reached from another machine: loopback only, unless told otherwise', async () => {
    const registry = await devRegistry()
    const outer = Object.values(networkInterfaces())
      .flat()
      .find((address) => address && !address.internal && address.family === 'IPv4')
    if (outer) {
      await expect(
        new Promise((resolve, reject) =>
          connect(registry.port, outer.address).once('connect', resolve).once('error', reject),
        ),
      ).rejects.toThrow(/ECONNREFUSED|EHOSTUNREACH|ETIMEDOUT/)
    }
    for (const host of ['0.0.0.0', '::', '192.168.1.2', 'myhost.example']) {
      await expect(startDevServer({ host })).rejects.toMatchObject({
        code: 'SIDECAR_DEV_SERVER',
        message: expect.stringContaining('--allow-remote'),
      })
    }
    const { lines, logger } = recordingLogger()
    await devRegistry({ host: '0.0.0.0', allowRemote: true, logger })
    expect(lines).toEqual([expect.stringContaining('without a password')])
  })

  it('attack: dev server under a rebound DNS name: Host is checked', async () => {
    const registry = await devRegistry({ allowedHosts: ['host.docker.internal'] })
    for (const host of [
      'evil.example',
      `evil.example:${registry.port}`,
      '127.0.0.1.evil.example',
      'localhost.evil.example',
      '127.0.0.1@evil.example',
      '10.0.0.1',
      '[::1',
      'localhost:80:80',
    ]) {
      expect((await raw(registry, { Host: host })).status, host).toBe(403)
    }
    // Without a Host at all, and with an empty one.
    for (const head of ['GET / HTTP/1.0\r\n\r\n', 'GET / HTTP/1.1\r\nHost:\r\n\r\n']) {
      const socket = connect(registry.port, '127.0.0.1').setEncoding('utf8')
      socket.write(head)
      const [answer] = (await once(socket, 'data')) as [string]
      socket.destroy()
      expect(answer).toMatch(/^HTTP\/1\.1 (400|403) /)
    }
    expect(registry.services()).toEqual([])
    expect((await raw(registry, { Host: 'evil.example' }, 'GET', '/')).body).not.toContain('<html')
    for (const host of [
      `127.0.0.1:${registry.port}`,
      'localhost',
      `LOCALHOST:${registry.port}`,
      '[::1]:8848',
      '127.0.0.2',
      'host.docker.internal:8848',
    ]) {
      expect((await raw(registry, { Host: host }, 'GET', '/nacos/v1/ns/operator/metrics')).status, host).toBe(200)
    }
  })

  it('attack: dev server written to by a page in the browser: Origin and Sec-Fetch-Site are checked', async () => {
    const registry = await devRegistry()
    const strangers: Record<string, string>[] = [
      { Origin: 'http://evil.example' },
      { Origin: 'null' },
      { Origin: 'http://localhost:3000' },
      { Origin: `https://127.0.0.1:${registry.port}` },
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
      { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' },
    ]
    for (const headers of strangers) {
      const { status, headers: answered } = await raw(registry, headers)
      expect(status, JSON.stringify(headers)).toBe(403)
      expect(Object.keys(answered).filter((name) => name.startsWith('access-control'))).toEqual([])
    }
    const reading = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' }
    expect((await raw(registry, reading, 'GET', '/nacos/v1/cs/configs?dataId=a&group=g')).status).toBe(403)
    expect(registry.services()).toEqual([])
    // Following a link to the console, and the console’s own requests, are fine.
    expect((await raw(registry, reading, 'GET', '/')).status).toBe(200)
    expect((await raw(registry, { Origin: registry.url, 'Sec-Fetch-Site': 'same-origin' })).status).toBe(200)
  })

  it('attack: dev server entered by User-Agent, server identity, or another spelling of the path', async () => {
    const registry = await devRegistry({ auth: { username: 'dev', password: 'canary-password' } })
    registry.configs.publish({ dataId: 'a', group: 'G', content: 'canary-content' })
    const config = '/v1/cs/configs'
    for (const headers of [
      { 'User-Agent': 'Nacos-Server' },
      { serverIdentity: 'security' },
      { 'Nacos-Server': 'true' },
    ] as Record<string, string>[]) {
      expect((await form(registry, 'GET', config, { dataId: 'a', group: 'G' }, headers)).status).toBe(403)
    }
    for (const path of [
      '/nacos//v1/cs/configs',
      '/nacos/v1/cs/configs/',
      '/nacos/v1/cs/%63onfigs',
      '/nacos/v1/auth/login/../../cs/configs',
      '/nacos/v1/cs/configs;x',
      '/nacos/V1/cs/configs',
      '/v1/cs/configs',
      '/nacos/v1/console/health/liveness/../../../cs/configs',
    ]) {
      const { status, body } = await raw(registry, {}, 'GET', `${path}?dataId=a&group=G`)
      expect(status, path).toBeGreaterThanOrEqual(400)
      expect(body, path).not.toContain('canary-content')
    }
    for (const path of ['/v3/client/cs/config', '/v3/admin/cs/config']) {
      expect((await form(registry, 'GET', path, { dataId: 'a', groupName: 'G' })).status).toBe(403)
    }
  })

  it('attack: dev server opened with a default key: there is none', async () => {
    const options = { auth: { username: 'dev', password: 'canary-password' } }
    const [registry, other] = [await devRegistry(options), await devRegistry(options)]
    for (const [username, password] of [
      ['nacos', 'nacos'],
      ['dev', ''],
      ['dev', 'nacos'],
      ['', ''],
    ] as const) {
      expect((await form(registry, 'POST', '/v1/auth/login', { username, password })).body).not.toContain('accessToken')
      expect((await form(registry, 'POST', '/v3/auth/user/login', { username, password })).body).not.toContain(
        'accessToken',
      )
    }
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = encode({ sub: 'dev', exp: 4_000_000_000, until: 4_000_000_000_000 })
    const published = Buffer.from('SecretKey012345678901234567890123456789012345678901234567890123456789', 'base64')
    const head = encode({ alg: 'HS256' })
    const known = createHmac('sha256', published).update(`${head}.${claims}`).digest('base64url')
    const foreign = JSON.parse((await form(other, 'POST', '/v1/auth/login', options.auth)).body).accessToken as string
    for (const accessToken of [`${head}.${claims}.${known}`, `${encode({ alg: 'none' })}.${claims}.`, foreign]) {
      expect((await form(registry, 'GET', LIST, { serviceName: 's', accessToken })).status).toBe(403)
    }
    await expect(startDevServer({ auth: { username: 'dev', password: '' } })).rejects.toThrow('no default user')
  })

  it('attack: dev server in production: it refuses to start', async () => {
    vi.stubEnv('NODE_ENV', 'production')
    onTestFinished(() => void vi.unstubAllEnvs())
    await expect(startDevServer()).rejects.toMatchObject({
      code: 'SIDECAR_DEV_SERVER',
      message: expect.stringContaining('NODE_ENV is production'),
    })
    await devRegistry({ allowProduction: true })
  })

  it('attack: dev server fed an endless body: it stops reading', async () => {
    const registry = await devRegistry({ limits: { hardBytes: 256 * 1024 } })
    const declared = await fetch(`${registry.url}/nacos/v1/cs/configs`, {
      method: 'POST',
      body: new URLSearchParams({ content: 'x'.repeat(300 * 1024) }),
    }).then(
      ({ status }) => status,
      () => 'closed',
    )
    expect([413, 'closed']).toContain(declared)
    // Chunked and endless: the socket must be gone before a fraction of it is sent.
    const socket = connect(registry.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(
      'POST /nacos/v1/cs/configs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n',
    )
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    const pump = () => {
      while (!socket.destroyed && socket.write(chunk));
    }
    socket.on('drain', pump)
    socket.resume()
    pump()
    await new Promise((resolve) => socket.once('close', resolve))
    expect(socket.bytesWritten).toBeLessThan(64 * 1024 * 1024)
    expect((await form(registry, 'GET', '/v1/ns/operator/metrics')).status).toBe(200)
  })

  it('attack: dev server held by slow clients: headers and bodies have deadlines', async () => {
    const registry = await devRegistry({ limits: { headersTimeoutMs: 300, requestTimeoutMs: 600 } })
    const closes = (start: string, drip: string) =>
      new Promise<number>((resolve) => {
        const startMs = performance.now()
        const socket = connect(registry.port, '127.0.0.1', () => socket.write(start))
        const timer = setInterval(() => socket.write(drip), 50)
        socket.on('error', () => {})
        socket.resume()
        socket.on('close', () => {
          clearInterval(timer)
          resolve(performance.now() - startMs)
        })
      })
    const [head, body] = await Promise.all([
      closes('GET / HTTP/1.1\r\nHost: localhost\r\n', 'X-Drip: 1\r\n'),
      closes(
        'POST /nacos/v1/cs/configs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9999\r\n\r\n',
        'x',
      ),
    ])
    expect(head).toBeLessThan(3_000)
    expect(body).toBeLessThan(3_000)
  })

  it('attack: dev server asked for its secrets: none in logs, errors, answers or the page', async () => {
    const { lines, logger } = recordingLogger()
    const registry = await devRegistry({
      logger,
      host: '0.0.0.0',
      allowRemote: true,
      auth: { username: 'dev', password: 'canary-password' },
    })
    const token = JSON.parse(
      (await form(registry, 'POST', '/v1/auth/login', { username: 'dev', password: 'canary-password' })).body,
    ).accessToken as string
    const bodies = await Promise.all([
      form(registry, 'POST', '/v1/auth/login', { username: 'dev', password: 'canary-wrong' }),
      form(registry, 'GET', LIST, { serviceName: 's', accessToken: `${token}x` }),
      form(registry, 'GET', '/v1/console/server/state'),
      form(registry, 'GET', '/v3/admin/core/state'),
      form(registry, 'GET', '/nowhere', { accessToken: token }),
    ])
    const signedIn = await fetch(`${registry.url}/_dev/api/login`, {
      method: 'POST',
      headers: { 'X-Sidecar-Console': '1' },
      body: JSON.stringify({ username: 'dev', password: 'canary-password' }),
    })
    const { token: own } = (await signedIn.json()) as { token: string }
    const live = await fetch(`${registry.url}/_dev/api/live`, { headers: { Authorization: `Bearer ${own}` } })
    const { value: told } = await live.body!.pipeThrough(new TextDecoderStream()).getReader().read()
    expect(told).toContain('"type":"about"')
    const page = await (await fetch(registry.url)).text()
    const everything = [...lines, ...bodies.map(({ body }) => body), page, told, JSON.stringify(registry)].join('\n')
    expect(everything).not.toContain('canary')
    expect(everything).not.toContain(token)
  })

  it('attack: dev server serving a published page: no document runs in its origin', async () => {
    const registry = await devRegistry()
    registry.configs.publish({ dataId: 'a.html', content: '<script>alert(1)</script>', type: 'html' })
    const { headers } = await form(registry, 'GET', '/v1/cs/configs', { dataId: 'a.html', group: 'DEFAULT_GROUP' })
    expect([headers.get('content-type'), headers.get('x-content-type-options')]).toEqual([
      'text/plain;charset=UTF-8',
      'nosniff',
    ])
  })
})
