import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createAuthority, type Authority, type IssueOptions } from '../support/certificates.js'
import { anInstance, openTransport, ORDERS, type Overrides } from '../support/transport.js'
import { startScriptedRegistry } from '../support/scripted-registry.js'
import { tempFolder } from '../support/temp-folder.js'

const DAY_MS = 86_400_000
const NO_FILES = {
  enabled: true,
  caFile: undefined,
  certFile: undefined,
  keyFile: undefined,
  keyPassphrase: undefined,
  serverName: undefined,
}

let authority: Authority
let stranger: Authority
beforeAll(async () => {
  ;[authority, stranger] = await Promise.all([createAuthority(), createAuthority('Another Authority')])
})

/** A registry over TLS that would take anything it is sent. */
async function secureRegistry(tls: Parameters<typeof startScriptedRegistry>[0] & object) {
  const server = await startScriptedRegistry(tls)
  onTestFinished(() => server.close())
  server.on('POST', { body: 'ok' })
  server.on('GET', { body: { hosts: [] } })
  server.on('/auth/login', { body: { accessToken: 'stolen', tokenTtl: 100 } })
  return server
}

const file = (content: string): string => join(tempFolder({ 'file.pem': content }), 'file.pem')

/** Credentials are set: a client that talks to the wrong server would hand them over. */
const open = (
  server: { host: string; port: number },
  tls: Partial<typeof NO_FILES> | Record<string, string> = {},
  rest: Overrides = {},
) =>
  openTransport([server], {
    scheme: 'https',
    username: 'nacos',
    password: 'pass-canary',
    ...rest,
    tls: { ...NO_FILES, ...tls },
  })

async function expectRefused(server: Awaited<ReturnType<typeof secureRegistry>>, why: RegExp, tls = {}) {
  for (const call of [() => open(server, tls).register(anInstance()), () => open(server, tls).list(ORDERS)]) {
    await expect(call()).rejects.toMatchObject({
      code: 'SIDECAR_REGISTRY_UNAVAILABLE',
      message: expect.stringMatching(why),
    })
  }
  // Not a byte of HTTP went out: no login, no password.
  expect(server.requests).toEqual([])
}

describe('attack: man in the middle', () => {
  test('attack: a certificate of the right authority is accepted', async () => {
    const server = await secureRegistry({ tls: await authority.issue() })
    const transport = open(server, { caFile: file(authority.cert) })
    await transport.register(anInstance())
    expect(await transport.list(ORDERS)).toEqual([])
    expect(server.seen('/auth/login')).toHaveLength(1)
  })

  test('attack: without a CA file, one that the system does not know is refused', async () => {
    await expectRefused(
      await secureRegistry({ tls: await authority.issue() }),
      /not signed by a known authority.*ca-file/s,
    )
  })

  test('attack: a self-signed certificate is refused', async () => {
    const self = await stranger.issue()
    await expectRefused(await secureRegistry({ tls: self }), /not signed by a known authority/, {
      caFile: file(authority.cert),
    })
  })

  const cases: [string, IssueOptions, RegExp][] = [
    [
      'an expired one',
      { notBefore: new Date(Date.now() - 10 * DAY_MS), notAfter: new Date(Date.now() - DAY_MS) },
      /expired/,
    ],
    [
      'one that is not valid yet',
      { notBefore: new Date(Date.now() + DAY_MS), notAfter: new Date(Date.now() + 2 * DAY_MS) },
      /not yet valid/,
    ],
    ['one for another address', { ip: '10.1.2.3' }, /for another host/],
    ['one for another name', { dns: 'other.example.com' }, /for another host/],
    ['one for a client', { client: true }, /purpose|certificate/],
  ]
  test.each(cases)('attack: %s is refused', async (_name, issue, why) => {
    const server = await secureRegistry({ tls: await authority.issue(issue) })
    await expectRefused(server, why, { caFile: file(authority.cert) })
  })

  test('attack: NODE_TLS_REJECT_UNAUTHORIZED=0 does not open it', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    onTestFinished(() => void vi.unstubAllEnvs())
    await expectRefused(await secureRegistry({ tls: await stranger.issue() }), /not signed by a known authority/)
  })

  test('attack: a server name other than the address is checked against the certificate', async () => {
    const server = await secureRegistry({ tls: await authority.issue({ dns: 'nacos.example.com' }) })
    const caFile = file(authority.cert)
    await open(server, { caFile, serverName: 'nacos.example.com' }).register(anInstance())
    server.forget()
    await expectRefused(server, /for another host/, { caFile, serverName: 'nacos.example.org' })
  })

  test('attack: a server that turns to plain HTTP hears no request', async () => {
    const heard: Buffer[] = []
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', (chunk) => {
        heard.push(chunk)
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
    const address = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
    await expect(open(address).register(anInstance())).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_UNAVAILABLE' })
    const text = Buffer.concat(heard).toString('latin1')
    expect(text).not.toMatch(/POST|HTTP\/1\.1|canary/)
  })

  test('attack: a redirect to plain HTTP is not followed', async () => {
    const thief = await startScriptedRegistry()
    onTestFinished(() => thief.close())
    const server = await secureRegistry({ tls: await authority.issue() })
    server.on('', { status: 307, headers: { location: `http://${thief.address}/nacos/v1/auth/login` } })
    const transport = open(server, { caFile: file(authority.cert) })
    await expect(transport.register(anInstance())).rejects.toThrow(/redirect/)
    expect(thief.requests).toEqual([])
  })

  test('attack: a client certificate is shown where one is set', async () => {
    const server = await secureRegistry({
      tls: { ...(await authority.issue()), ca: authority.cert, requestCert: true, rejectUnauthorized: true },
    })
    const caFile = file(authority.cert)
    await expect(open(server, { caFile }).register(anInstance())).rejects.toMatchObject({
      code: 'SIDECAR_REGISTRY_UNAVAILABLE',
    })
    expect(server.requests).toEqual([])
    const own = await authority.issue({ client: true })
    await open(server, { caFile, certFile: file(own.cert), keyFile: file(own.key) }).register(anInstance())
    expect(server.seen('POST /nacos/v1/ns/instance')).toHaveLength(1)

    const foreign = await stranger.issue({ client: true })
    server.forget()
    const refused = open(server, { caFile, certFile: file(foreign.cert), keyFile: file(foreign.key) })
    await expect(refused.register(anInstance())).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_UNAVAILABLE' })
    expect(server.requests).toEqual([])
  })

  test('attack: a missing or half set of files is an error, never a connection without them', async () => {
    const address = { host: '127.0.0.1', port: 1 }
    expect(() => open(address, { caFile: '/nowhere/ca.pem' })).toThrow(
      'cloud.nacos.tls.ca-file: cannot read /nowhere/ca.pem (ENOENT)',
    )
    expect(() => open(address, { certFile: file('x') })).toThrow(/key-file is missing/)
  })
})
