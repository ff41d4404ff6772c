import { del, feign, get, head, patch, post, put } from 'nacos-sidecar'
import { describe, expect, onTestFinished, test } from 'vitest'
import { clientOf } from '../../../src/feign/define-client.js'
import type { HeadResponse } from '../../../src/feign/response.js'
import { setActiveRuntime } from '../../../src/calls/active-runtime.js'
import { processState } from '../../../src/process-state.js'
import { instance, startMesh, startProvider } from '../../support/mesh.js'

interface Echo {
  method: string
  url: string
  body: string
}

@feign({ name: 'user-service', path: '/api' })
class UserClient {
  constructor(readonly label = 'plain') {}

  @get('/hello/{name}') hello!: (name: string) => Promise<Echo>
  @get('/users/{id}') getUser!: (p: { id: string; verbose?: boolean }) => Promise<Echo>
  @post('/users') create!: (p: { body: { name: string } }) => Promise<Echo>
  @put('/users/{id}') replace!: (id: string, body: { name: string }) => Promise<Echo>
  @patch('/users/{id}') change!: (p: { id: string; body: object }) => Promise<Echo>
  @del('/users/{id}') remove!: (id: string) => Promise<Echo>
  @head('/users/{id}') exists!: (p: { id: string }) => Promise<HeadResponse>

  @get('/users')
  async list(_query?: { page?: number }): Promise<Echo> {
    throw new Error('the body of a call never runs')
  }
}

async function userService() {
  const mesh = startMesh()
  const provider = await startProvider()
  mesh.registry.set('user-service', instance('user-service', provider.port))
  return { mesh, provider }
}

describe('standard decorators', () => {
  test('each verb makes its call, as a field', async () => {
    const { provider } = await userService()
    const client = new UserClient('mine')
    expect(client.label).toBe('mine')
    expect(await client.hello('Ann')).toMatchObject({ method: 'GET', url: '/api/hello/Ann' })
    expect(await client.getUser({ id: '1', verbose: true })).toMatchObject({ url: '/api/users/1?verbose=true' })
    expect(await client.create({ body: { name: 'Bo' } })).toMatchObject({
      method: 'POST',
      url: '/api/users',
      body: '{"name":"Bo"}',
    })
    expect(await client.replace('7', { name: 'Cy' })).toMatchObject({
      method: 'PUT',
      url: '/api/users/7',
      body: '{"name":"Cy"}',
    })
    expect(await client.change({ id: '7', body: { a: 1 } })).toMatchObject({ method: 'PATCH', body: '{"a":1}' })
    expect(await client.remove('7')).toMatchObject({ method: 'DELETE', url: '/api/users/7', body: '' })
    expect(await client.exists({ id: '7' })).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/json;charset=UTF-8' },
    })
    expect(provider.seen.map((each) => each.method)).toEqual(['GET', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'])
  })

  test('a method is a call, its body ignored', async () => {
    await userService()
    expect(await new UserClient().list({ page: 2 })).toMatchObject({ url: '/api/users?page=2' })
    expect(await new UserClient().list()).toMatchObject({ url: '/api/users' })
  })

  test('a field can be taken off its client', async () => {
    await userService()
    const { hello } = new UserClient()
    expect(await hello('Ann')).toMatchObject({ url: '/api/hello/Ann' })
  })

  test('a subclass inherits the client', async () => {
    await userService()
    class Extended extends UserClient {}
    expect(await new Extended().hello('Ann')).toMatchObject({ url: '/api/hello/Ann' })
  })

  test('one base class serves two services', async () => {
    const { mesh } = await userService()
    const other = await startProvider()
    mesh.registry.set('other-service', instance('other-service', other.port))
    class Health {
      @get('/health') health!: () => Promise<Echo>
    }
    @feign('user-service')
    class A extends Health {}
    @feign({ name: 'other-service', path: 'v2/' })
    class B extends Health {}
    expect(await new A().health()).toMatchObject({ url: '/health' })
    expect(await new B().health()).toMatchObject({ url: '/v2/health' })
    expect(other.seen).toHaveLength(1)
  })

  test('clientOf calls through the runtime it is given', async () => {
    const { mesh, provider } = await userService()
    setActiveRuntime(undefined)
    expect(await clientOf(UserClient, mesh.runtime).hello('Ann')).toMatchObject({ url: '/api/hello/Ann' })
    expect(provider.seen).toHaveLength(1)
  })
})

describe('mistakes are named', () => {
  test('no @feign', async () => {
    startMesh()
    class Forgotten {
      @get('/x') x!: () => Promise<unknown>
    }
    await expect(new Forgotten().x()).rejects.toMatchObject({
      code: 'SIDECAR_CLIENT_INVALID',
      message: expect.stringContaining('Forgotten.x is a call, but Forgotten has no @feign'),
    })
  })

  test('neither name nor url', () => {
    expect(() => feign({})).toThrow(expect.objectContaining({ code: 'SIDECAR_CLIENT_INVALID' }))
  })

  test('static members and accessors', () => {
    const decorate = get('/x') as unknown as (value: unknown, context: unknown) => unknown
    expect(() => decorate(undefined, { kind: 'field', static: true, name: 'x' })).toThrow(/x is static/)
    expect(() => decorate(undefined, { kind: 'accessor', static: false, name: 'x' })).toThrow(
      /x is of the kind accessor/,
    )
  })

  test('a client without any sidecar says so', async () => {
    setActiveRuntime(undefined)
    // Another file of this worker may have imported the package, which installs a way to make one.
    const state = processState()
    const { runtimeFactory } = state
    onTestFinished(() => void (state.runtimeFactory = runtimeFactory))
    state.runtimeFactory = undefined
    await expect(new UserClient().hello('x')).rejects.toMatchObject({ code: 'SIDECAR_CLIENT_INVALID' })
  })
})
