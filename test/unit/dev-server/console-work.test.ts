import { createServer, type RequestListener } from 'node:http'
import express from 'express'
import type { DevServer } from 'nacos-sidecar/testing'
import { expect, it, onTestFinished } from 'vitest'
import { serve } from '../../support/frameworks.js'
import { answering, join } from '../../support/member.js'
import { ownPort } from '../../support/own-port.js'
import { devRegistry, form, testRegistry } from '../../support/registry.js'

interface Work {
  readonly code?: string
  readonly omitted: number
  readonly instances: readonly {
    readonly instance: string
    readonly page?: string
    readonly timers?: readonly Record<string, unknown>[]
    readonly events?: readonly unknown[]
    readonly why?: string
    readonly detail?: string
  }[]
}

async function work({ address }: Pick<DevServer, 'address'>, name: string, headers: Record<string, string> = {}) {
  const query = new URLSearchParams({ service: JSON.stringify(['public', 'DEFAULT_GROUP', name]) })
  const response = await fetch(`http://${address}/_dev/api/work?${query}`, { headers })
  return { status: response.status, body: (await response.json()) as Work }
}

/** A program at a port of this machine that is registered as an instance. */
async function listed(registry: DevServer, listener: RequestListener, metadata: Record<string, string> = {}) {
  const { port, close } = await serve(createServer(listener))
  onTestFinished(close)
  await register(registry, '127.0.0.1', port, metadata)
}

const register = (registry: DevServer, ip: string, port: number, metadata: Record<string, string> = {}) =>
  form(registry, 'POST', '/v1/ns/instance', { serviceName: 'others', ip, port, metadata: JSON.stringify(metadata) })

it('shows the timers of an instance on this machine, and where its own page is', async () => {
  const registry = await testRegistry()
  const { sidecar, url } = await join(express(), registry.settings({ 'application.name': 'rates' }))
  const timer = sidecar.timer('refresh', { every: '1h' }, () => {
    throw new Error('password=hidden-1')
  })
  await timer.run().catch(() => {})
  const { host, port } = new URL(url)
  expect(await work(registry, 'rates')).toMatchObject({
    status: 200,
    body: {
      omitted: 0,
      instances: [
        {
          ...{ instance: host, page: `http://localhost:${port}/_sidecar` },
          timers: [{ name: 'refresh', schedule: 'every 1h', runs: 1, failures: 1, lastError: 'password=***' }],
        },
      ],
    },
  })
})

it('says why an instance cannot be read, and asks no other machine', async () => {
  const registry = await devRegistry()
  const port = await ownPort()
  await register(registry, '127.0.0.1', port)
  await register(registry, '10.255.255.1', 80)
  await listed(registry, answering({ code: 401, message: 'No token' }, 401))
  const { body } = await work(registry, 'others')
  const said = new Map(body.instances.map(({ instance, why, detail }) => [instance, [why, detail]]))
  expect(said.get('10.255.255.1:80')).toEqual(['elsewhere', undefined])
  expect(said.get(`127.0.0.1:${port}`)).toEqual(['unread', expect.stringContaining('ECONNREFUSED')])
  expect([...said.values()]).toContainEqual(['unread', 'HTTP 401: No token'])
})

it('asks for one path alone, follows no redirect, and passes on nothing but timers and queues', async () => {
  const registry = await devRegistry()
  const asked: string[] = []
  const seen =
    (then: RequestListener): RequestListener =>
    (request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.cookie ?? ''}`)
      then(request, response)
    }
  for (const path of ['/admin?x=', '/a/../b#', '//evil.example', '/%2e%2e', ' /x', '/x\r\nA: b'])
    await listed(registry, seen(answering({ version: 1 })), { 'management.context-path': path })
  await listed(
    registry,
    seen((_, response) => void response.writeHead(302, { location: '/secret' }).end()),
  )
  await listed(
    registry,
    seen(
      answering({ version: 1, config: 'hidden-2', timers: [{ name: 'a', extra: 'hidden-3', runs: {} }, null, 'x'] }),
    ),
    { 'management.context-path': '/manage' },
  )
  const { body } = await work(registry, 'others', { cookie: 'token=visitor' })
  expect(asked.sort()).toEqual(['GET /_sidecar/status.json ', 'GET /manage/_sidecar/status.json '])
  expect(JSON.stringify(body)).not.toContain('hidden')
})

it('an answer without an end, or too large, costs two seconds at most', async () => {
  const registry = await devRegistry()
  await listed(registry, (_, response) => {
    response.writeHead(200)
    const chunk = Buffer.alloc(256 * 1024, 0x20)
    const more = () => {
      while (!response.destroyed && response.write(chunk));
    }
    response.on('drain', more)
    more()
  })
  await listed(registry, (_, response) => void response.writeHead(200).write('{'))
  const began = performance.now()
  const { body } = await work(registry, 'others')
  expect(performance.now() - began).toBeLessThan(6_000)
  expect(body.instances.map(({ why }) => why)).toEqual(['unread', 'unread'])
})

it('a visitor from another machine reads nothing by it', async () => {
  const registry = await devRegistry()
  await register(registry, '127.0.0.1', 1)
  for (const name of ['x-forwarded-for', 'forwarded', 'via'])
    expect(await work(registry, 'others', { [name]: '192.0.2.1' })).toMatchObject({
      status: 403,
      body: { code: 'not-local' },
    })
  expect(
    (await work(registry, 'others', { origin: 'http://evil.example' }).catch(() => ({ status: 403 }))).status,
  ).toBe(403)
  const protectedOne = await devRegistry({ auth: { username: 'dev', password: 'pass-word-1' } })
  expect((await work(protectedOne, 'others')).status).toBe(401)
  const bare = await fetch(`${registry.url}/_dev/api/work`)
  expect(bare.status).toBe(400)
})
