import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import type { AddressInfo, ListenOptions } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { isHttp2Only } from '../../../src/lifecycle/http2-only.js'
import { createMember } from '../../../src/registration/member.js'
import { settingsSchema } from '../../../src/settings/schema.js'
import { createMemoryTransport } from '../../support/memory-transport.js'

const servers = {
  'HTTP/2 without TLS': [http2.createServer(), true],
  'HTTP/2 over TLS': [http2.createSecureServer({}), true],
  'both over TLS': [http2.createSecureServer({ allowHTTP1: true }), false],
  'HTTP/1.1': [http.createServer(), false],
  'HTTP/1.1 over TLS': [https.createServer(), false],
} as const

test.each(Object.entries(servers))('K38: %s', (_, [server, only]) => {
  expect(isHttp2Only(server as unknown as http.Server)).toBe(only)
})

test('K38: a server with HTTP/2 only gets a warning when it is registered', async () => {
  const warned: string[] = []
  const logger = { debug() {}, info() {}, error() {}, warn: (message: string) => void warned.push(message) }
  const settings = settingsSchema.parse({
    application: { name: 'x' },
    cloud: { nacos: { discovery: { ip: '127.0.0.1' } } },
  })
  const member = createMember({
    transport: createMemoryTransport(),
    namespace: '',
    settings,
    logger,
    emit: () => {},
  })
  const server = http2.createServer()
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' } satisfies ListenOptions, resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  void member.attach({
    port,
    host: '127.0.0.1',
    secure: false,
    http2Only: isHttp2Only(server as unknown as http.Server),
  })
  expect(warned.filter((line) => line.includes('HTTP/2 only'))).toHaveLength(1)
})
