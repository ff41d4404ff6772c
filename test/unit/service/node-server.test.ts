import { once } from 'node:events'
import { createServer, request as httpRequest, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSidecar } from 'nacos-sidecar'
import { expect, onTestFinished, test } from 'vitest'
import { collectLog } from '../../support/collect.js'
import { testRegistry } from '../../support/registry.js'

async function guarded(listener?: RequestListener) {
  const registry = await testRegistry()
  const server = createServer(listener)
  const sidecar = createSidecar({
    app: server,
    configPath: false,
    settings: registry.settings({ application: { name: 'plain' }, 'auth.enabled': true, 'sidecar.push': 'off' }),
    verify: (token) => token === 'good',
    logger: collectLog(),
    signals: false,
  })
  onTestFinished(() => sidecar.stop({ drain: false }))
  const registered = once(sidecar, 'registered')
  server.listen(0, '127.0.0.1')
  await registered
  const { port } = server.address() as AddressInfo
  return { registry, server, sidecar, port, url: `http://127.0.0.1:${port}` }
}

const good = { authorization: 'Bearer good' }

test('initSidecar(server) guards listeners that are added later, and no other server of the process', async () => {
  const { server, url } = await guarded()
  const other = createServer((_request, response) => response.end('open')).listen(0, '127.0.0.1')
  onTestFinished(() => void other.close())
  await once(other, 'listening')
  expect((await fetch(url)).status).toBe(401)
  expect((await fetch(url, { headers: good })).status).toBe(404)
  server.on('request', (_request, response) => response.end('mine'))
  expect((await fetch(url)).status).toBe(401)
  expect(await (await fetch(url, { headers: good })).text()).toBe('mine')
  expect(await (await fetch(`http://127.0.0.1:${(other.address() as AddressInfo).port}`)).text()).toBe('open')
})

test('a listener of checkContinue, and an upgrade, are guarded as well', async () => {
  const { server, port } = await guarded((_request, response) => void response.end('mine'))
  const ran: string[] = []
  server.on('checkContinue', (_request, response) => {
    ran.push('checkContinue')
    response.end()
  })
  server.on('upgrade', (_request, socket) => {
    ran.push('upgrade')
    socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n')
  })
  const ask = async (headers: Record<string, string>) => {
    const sent = httpRequest({ port, host: '127.0.0.1', method: 'POST', headers })
    sent.on('error', () => {})
    sent.end('x')
    const [first] = (await Promise.race([once(sent, 'response'), once(sent, 'upgrade')])) as [
      { statusCode: number; destroy(): void },
    ]
    first.destroy()
    return first.statusCode
  }
  expect(await ask({ expect: '100-continue' })).toBe(401)
  expect(await ask({ connection: 'Upgrade', upgrade: 'websocket' })).toBe(401)
  expect(ran).toEqual([])
  expect(await ask({ expect: '100-continue', ...good })).toBe(200)
  expect(await ask({ connection: 'Upgrade', upgrade: 'websocket', ...good })).toBe(101)
  expect(ran).toEqual(['checkContinue', 'upgrade'])
})
