import { ServerCredentials } from '@grpc/grpc-js'
import { createHmac } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { AccessTokenSource } from '../../../src/nacos/access-token.js'
import { document, link, linkOptions, server, service, up } from '../../support/grpc-link.js'

const tokens = (own: Partial<AccessTokenSource>): AccessTokenSource => ({
  token: async () => 'token',
  renew: async () => 'another',
  onRenewedTokenRejected() {},
  ...own,
})

describe('a login', () => {
  it('goes with every request, and is renewed once when it is refused', async () => {
    const nacos = await server()
    const refused: unknown[] = []
    let token = 'old'
    nacos.script('ServiceQueryRequest', (_body, seen) =>
      seen.headers['accessToken'] === 'new'
        ? undefined
        : { resultCode: 500, errorCode: 403, message: 'token expired!' },
    )
    const client = link(nacos.port, {
      tokens: tokens({
        renew: async (before) => {
          refused.push(before)
          return (token = 'new')
        },
        token: async () => token,
      }),
    })
    expect(await client.list(service())).toEqual([])
    expect(nacos.of('ServiceQueryRequest').map((seen) => seen.headers['accessToken'])).toEqual(['old', 'new'])
    expect(refused).toEqual(['old'])
    await client.getConfig(document())
    expect(nacos.of('ConfigQueryRequest')[0]!.headers).toMatchObject({ accessToken: 'new', notify: 'false' })
  })

  it('refused twice is an error that says what to do and holds no token', async () => {
    const nacos = await server()
    nacos.script('ServiceQueryRequest', () => ({ resultCode: 500, errorCode: 403, message: 'bad token CANARY!' }))
    let fruitless = 0
    const client = link(nacos.port, {
      tokens: tokens({
        token: async () => 'CANARY',
        renew: async () => 'CANARY',
        onRenewedTokenRejected: () => void fruitless++,
      }),
    })
    const error = (await client.list(service()).catch((reason: unknown) => reason)) as Error & { code: string }
    expect(error.code).toBe('SIDECAR_REGISTRY_REFUSED')
    expect(error.message).toMatch(/check username, password/)
    expect(nacos.of('ServiceQueryRequest')).toHaveLength(2)
    expect(fruitless).toBe(1)
    expect(error.stack + JSON.stringify(error) + client.lines.join('\n')).not.toContain('CANARY')
  })

  it('that has no better to offer is not asked of the server again', async () => {
    const nacos = await server()
    nacos.script('ServiceQueryRequest', () => ({ resultCode: 500, errorCode: 403, message: 'no' }))
    const client = link(nacos.port, { tokens: tokens({ renew: async () => undefined }) })
    await expect(client.list(service())).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_REFUSED' })
    expect(nacos.of('ServiceQueryRequest')).toHaveLength(1)
  })

  it('that fails is the error of the request, and does not end the link', async () => {
    const nacos = await server()
    let failing = true
    const client = link(nacos.port, {
      tokens: tokens({
        async token() {
          if (failing) throw new Error('login is down')
          return undefined
        },
      }),
    })
    await up(client)
    const lists: unknown[] = []
    client.watchService(service(), (list) => lists.push(list))
    await expect(client.list(service())).rejects.toThrow(/login is down/)
    failing = false
    await vi.waitFor(() => expect(lists).toEqual([[]]), 5_000)
    expect(client.state().status).toBe('up')
  })
})

describe('a signature', () => {
  it('is made over what each request is about, and none over what is not', async () => {
    const nacos = await server()
    const client = link(nacos.port, {
      sign: (resource) => ({ signed: JSON.stringify(resource) }),
    })
    await client.list(service())
    await client.getConfig({ ...document(), namespace: 'dev' })
    const signed = (type: string) => JSON.parse(nacos.of(type)[0]!.headers['signed'] ?? 'null') as unknown
    expect(signed('ServiceQueryRequest')).toEqual({ module: 'naming', group: 'DEFAULT_GROUP', service: 'users' })
    expect(signed('ConfigQueryRequest')).toEqual({ module: 'config', tenant: 'dev', group: 'DEFAULT_GROUP' })
    expect(signed('ServerCheckRequest')).toBeNull()
  })
})

describe('AK/SK keys', () => {
  it('sign naming by ak, data and signature, and configs by Spas headers', async () => {
    const nacos = await server()
    const client = link(nacos.port, { accessKey: 'ak', secretKey: 'CANARY', securityToken: 'sts' })
    await client.list(service())
    await client.getConfig(document())
    const naming = nacos.of('ServiceQueryRequest')[0]!.headers
    expect(naming).toMatchObject({ ak: 'ak', 'Spas-SecurityToken': 'sts' })
    expect(naming['data']).toMatch(/^\d{13}@@DEFAULT_GROUP@@users$/)
    const hmac = (data: string) => createHmac('sha1', 'CANARY').update(data).digest('base64')
    expect(naming['signature']).toBe(hmac(naming['data']!))
    const config = nacos.of('ConfigQueryRequest')[0]!.headers
    expect(config).toMatchObject({ 'Spas-AccessKey': 'ak', 'Spas-SecurityToken': 'sts' })
    expect(config['Spas-Signature']).toBe(hmac(`DEFAULT_GROUP+${config['Timestamp']}`))
    expect(JSON.stringify(nacos.seen)).not.toContain('CANARY')
  })
})

describe('TLS', () => {
  let folder: string
  let credentials: (mutual?: boolean) => ServerCredentials
  const file = (name: string) => join(folder, name)

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nacos-grpc-'))
    const options = {
      keySize: 2048,
      algorithm: 'sha256',
      extensions: [{ name: 'basicConstraints' as const, cA: true }],
    }
    const own = await generate([{ name: 'commonName', value: 'nacos.test' }], {
      ...options,
      extensions: [
        ...options.extensions,
        { name: 'subjectAltName', altNames: [{ type: 2 as const, value: 'nacos.test' }] },
      ],
    })
    const other = await generate([{ name: 'commonName', value: 'other.test' }], options)
    await Promise.all([
      writeFile(file('ca.pem'), own.cert),
      writeFile(file('key.pem'), own.private),
      writeFile(file('other.pem'), other.cert),
    ])
    credentials = (mutual = false) =>
      ServerCredentials.createSsl(
        mutual ? Buffer.from(own.cert) : null,
        [{ cert_chain: Buffer.from(own.cert), private_key: Buffer.from(own.private) }],
        mutual,
      )
  })
  afterAll(() => rm(folder, { recursive: true }))

  const secure = (port: number, tls: object) => {
    const { options } = linkOptions(port)
    return link(port, {
      addresses: options.addresses.map((address) => ({ ...address, tls: true })),
      tls: { ...options.tls, enabled: true, ...tls },
      requestTimeoutMs: 2_000,
    })
  }

  it('talks to a server whose certificate the CA vouches for, by its name', async () => {
    const nacos = await server({ credentials: credentials() })
    const client = secure(nacos.port, { caFile: file('ca.pem'), serverName: 'nacos.test' })
    expect(await client.list(service())).toEqual([])
  })

  it('shows its own certificate where the server asks for one', async () => {
    const nacos = await server({ credentials: credentials(true) })
    const tls = { caFile: file('ca.pem'), serverName: 'nacos.test' }
    await expect(secure(nacos.port, tls).list(service())).rejects.toMatchObject({
      code: 'SIDECAR_REGISTRY_UNAVAILABLE',
    })
    const client = secure(nacos.port, { ...tls, certFile: file('ca.pem'), keyFile: file('key.pem') })
    expect(await client.list(service())).toEqual([])
  })

  it.each([
    ['an unknown CA', () => ({ serverName: 'nacos.test' })],
    ['another CA', () => ({ caFile: file('other.pem'), serverName: 'nacos.test' })],
    ['another host', () => ({ caFile: file('ca.pem') })],
  ])('refuses %s, and tells it nothing', async (_what, tls) => {
    const nacos = await server({ credentials: credentials() })
    const client = secure(nacos.port, tls())
    await expect(client.list(service())).rejects.toMatchObject({
      code: 'SIDECAR_REGISTRY_UNAVAILABLE',
      message: expect.stringMatching(/certificate|altnames/i) as string,
    })
    expect(nacos.seen).toEqual([])
  })

  it('names the file it cannot read', async () => {
    const nacos = await server({ credentials: credentials() })
    const client = secure(nacos.port, { caFile: file('none.pem') })
    await expect(client.list(service())).rejects.toThrow(/ca-file: cannot read .*none\.pem/)
  })
})
