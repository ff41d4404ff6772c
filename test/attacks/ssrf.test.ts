import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { defineClient, GET, runWithContext } from 'nacos-sidecar'
import { describe, expect, onTestFinished, test } from 'vitest'
import { activeRuntime } from '../../src/calls/active-runtime.js'
import { createLazyAxios } from '../../src/http/lazy-axios.js'
import { createFetch } from '../../src/http/fetch.js'
import { instance, startMesh, startProvider, type Provider } from '../support/mesh.js'

/** Stands for whatever an attacker wants reached; counts the connections it gets. */
async function startVictim(): Promise<{ port: number; connections: () => number }> {
  let connections = 0
  const server = createServer((socket) => {
    connections++
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { port: (server.address() as AddressInfo).port, connections: () => connections }
}

async function mesh(): Promise<{ provider: Provider; registry: ReturnType<typeof startMesh>['registry'] }> {
  const { registry } = startMesh()
  const provider = await startProvider()
  registry.set('user-service', instance('user-service', provider.port))
  return { provider, registry }
}

describe('attack: SSRF by service name', () => {
  test('a name that is part of a URL is no name', async () => {
    const victim = await startVictim()
    const { registry } = await mesh()
    const { directory } = activeRuntime()
    for (const host of [
      `127.0.0.1:${victim.port}/x`,
      `u@127.0.0.1:${victim.port}`,
      `x\r\nHost: evil`,
      `//127.0.0.1:${victim.port}`,
      '../admin',
      'a?b',
      'a#b',
      'a%2f',
    ]) {
      expect(() => defineClient(host, { get: GET('/') })).toThrow(/is not a service name/)
      await expect(directory.get(host)).rejects.toMatchObject({ code: 'SIDECAR_CALL_INVALID' })
    }
    expect(registry.asked).toHaveLength(0)
    expect(victim.connections()).toBe(0)
  })

  test('a name that looks like an address is asked for at the registry, never dialled', async () => {
    const victim = await startVictim()
    const { registry } = await mesh()
    const { get } = defineClient(`127.0.0.1:${victim.port}`, { get: GET('/') })
    await expect(get()).rejects.toMatchObject({ code: 'SIDECAR_NO_INSTANCE' })
    expect(registry.asked).toHaveLength(1)
    expect(victim.connections()).toBe(0)
  })

  test('an instance whose address is not one gets no call', async () => {
    const victim = await startVictim()
    const { registry } = await mesh()
    for (const ip of [`127.0.0.1:${victim.port}/?`, `u@127.0.0.1`, 'evil.example/x', 'a b', '']) {
      registry.set(`evil-${ip.length}`, instance('evil', victim.port, { ip }))
      const { get } = defineClient(`evil-${ip.length}`, { get: GET('/') })
      await expect(get()).rejects.toMatchObject({ code: 'SIDECAR_NO_INSTANCE' })
    }
    expect(victim.connections()).toBe(0)
  })
})

describe('attack: SSRF by path variable', () => {
  test.each([
    '../../admin',
    '/admin',
    '//evil.example/',
    'http://evil.example/',
    '@evil.example',
    '?admin=1',
    '#x',
    '\\\\evil',
    '%2e%2e%2fadmin',
    ';x=1',
  ])('%j stays one segment, and the socket’s peer is the instance', async (id) => {
    const { provider } = await mesh()
    const { get } = defineClient('user-service', { get: GET('/users/{id}/profile') })
    await get({ id })
    const { pathname, search } = new URL(provider.seen[0]!.url, 'http://host')
    expect(search).toBe('')
    expect(pathname.split('/')).toHaveLength(4)
    expect(decodeURIComponent(pathname.split('/')[2]!)).toBe(id)
    expect(provider.seen[0]!.port).toBe(provider.port)
  })

  test.each(['', '.', '..', '\0', 'a\r\nb', null, undefined, {}, []])('%j is refused before any I/O', async (id) => {
    const { provider, registry } = await mesh()
    const { get } = defineClient('user-service', { get: GET('/users/{id}') })
    await expect(get({ id })).rejects.toMatchObject({ code: 'SIDECAR_CALL_INVALID', attempts: 0 })
    expect([provider.seen, registry.asked]).toEqual([[], []])
  })

  test.each(['http://evil.example/x', '//evil.example/x', '/a/../../x', '/./x'])(
    'the path %j of a client is refused',
    async (path) => {
      await mesh()
      await expect(defineClient('user-service', { get: GET(path) }).get()).rejects.toMatchObject({
        code: 'SIDECAR_CLIENT_INVALID',
      })
    },
  )
})

describe('attack: SSRF by redirect', () => {
  async function redirecting(status: number) {
    const victim = await startVictim()
    const { registry } = startMesh()
    const provider = await startProvider(
      (_, response) => void response.writeHead(status, { location: `http://127.0.0.1:${victim.port}/` }).end(),
    )
    registry.set('user-service', instance('user-service', provider.port))
    return { victim, provider }
  }

  test.each([301, 302, 303, 307, 308])('a typed client does not follow %i', async (status) => {
    const { victim, provider } = await redirecting(status)
    await expect(defineClient('user-service', { get: GET('/') }).get()).rejects.toMatchObject({ status })
    expect([victim.connections(), provider.seen.length]).toEqual([0, 1])
  })

  test('axios does not follow one from a logical name', async () => {
    const { victim } = await redirecting(302)
    await expect(createLazyAxios().get('http://user-service/')).rejects.toMatchObject({ response: { status: 302 } })
    expect(victim.connections()).toBe(0)
  })

  test('fetch follows as fetch does, but the caller’s token stays behind', async () => {
    const { registry } = startMesh()
    const outside = await startProvider()
    const provider = await startProvider(
      (_, response) => void response.writeHead(302, { location: `${outside.origin}/` }).end(),
    )
    registry.set('user-service', instance('user-service', provider.port))
    await runWithContext({ token: 'canary' }, () => createFetch(activeRuntime)('http://user-service/'))
    expect(provider.seen[0]!.headers.authorization).toBe('Bearer canary')
    expect(JSON.stringify(outside.seen)).not.toContain('canary')
    expect(outside.seen).toHaveLength(1)
  })
})
