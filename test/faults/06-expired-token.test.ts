import { expect, onTestFinished, test } from 'vitest'
import { anInstance, openTransport, ORDERS } from '../support/transport.js'
import { duration } from '../support/scale.js'
import { startScriptedRegistry } from '../support/scripted-registry.js'

/** Gives out tokens and takes each until it is revoked, as a registry does that was restarted. */
async function guardedRegistry() {
  const server = await startScriptedRegistry()
  onTestFinished(() => server.close())
  const valid = new Set<string>()
  let serial = 0
  const guard = (body: unknown) => (request: { headers: { authorization?: string | undefined } }) => {
    const token = request.headers.authorization?.replace('Bearer ', '')
    return token && valid.has(token)
      ? { body }
      : { status: 403, body: { status: 403, error: 'Forbidden', message: 'token expired!' } }
  }
  server.on('/ns/instance', guard('ok'))
  server.on('/ns/instance/list', guard({ hosts: [] }))
  server.on('/ns/instance/beat', guard({ code: 10200 }))
  server.on('/auth/login', async () => {
    // Slow enough for everyone who was refused to ask meanwhile.
    await new Promise((resolve) => setTimeout(resolve, duration(300, 50)))
    const token = `token-${(serial += 1)}`
    valid.add(token)
    return { body: { accessToken: token, tokenTtl: 18_000, globalAdmin: true } }
  })
  return Object.assign(server, { revokeAll: () => valid.clear() })
}

test('fault 06: an expired token: one login for all refused requests, one retry each', async () => {
  const server = await guardedRegistry()
  const transport = openTransport([server], { username: 'nacos', password: 'nacos' })
  await transport.register(anInstance())
  server.revokeAll()
  server.forget()

  const results = await Promise.all([
    transport.beat(anInstance()),
    ...Array.from({ length: 10 }, () => transport.list(ORDERS)),
  ])
  expect(results[0]).toBe('ok')
  expect(results.slice(1)).toEqual(Array.from({ length: 10 }, () => []))
  expect(server.seen('/auth/login')).toHaveLength(1)
  expect(server.seen('/ns/instance/beat')).toHaveLength(2)
  expect(server.seen('/ns/instance/list').length).toBeLessThanOrEqual(20)
  expect(transport.lines.filter((line) => /^(warn|error)/.test(line))).toEqual([])
})

test('fault 06: a 403 that a new token does not help: one login, one retry, then the error', async () => {
  const server = await guardedRegistry()
  server.on('/ns/instance/list', { status: 403, body: { status: 403, message: 'authorization failed!' } })
  const transport = openTransport([server], { username: 'nacos', password: 'nacos' })
  await transport.register(anInstance())
  server.forget()
  await expect(transport.list(ORDERS)).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_REFUSED' })
  expect(server.seen('/auth/login')).toHaveLength(1)
  expect(server.seen('/ns/instance/list')).toHaveLength(2)
})
