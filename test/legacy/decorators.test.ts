import { feign, get, head, post } from 'nacos-sidecar'
import { describe, expect, test } from 'vitest'
import { clientOf } from '../../src/feign/define-client.js'
import type { HeadResponse } from '../../src/feign/response.js'
import { instance, startMesh, startProvider } from '../support/mesh.js'

interface Echo {
  method: string
  url: string
  body: string
}

@feign({ name: 'user-service', path: '/api' })
class UserClient {
  static readonly version = 1
  constructor(readonly label = 'plain') {}

  @get('/hello/{name}') hello!: (name: string) => Promise<Echo>
  @post('/users') create!: (p: { body: { name: string } }) => Promise<Echo>
  @head('/users/{id}') exists!: (p: { id: string }) => Promise<HeadResponse>

  @get('/users')
  async list(_query?: { page?: number }): Promise<Echo> {
    throw new Error('the body of a call never runs')
  }

  greet(): string {
    return `I am ${this.label}`
  }
}

async function userService() {
  const mesh = startMesh()
  const provider = await startProvider()
  mesh.registry.set('user-service', instance('user-service', provider.port))
  return { mesh, provider }
}

describe('experimentalDecorators', () => {
  test('this project compiles fields over the prototype, the harder case', () => {
    class Probe {
      field!: string
    }
    expect(Object.hasOwn(new Probe(), 'field')).toBe(true)
  })

  test('fields and methods are calls', async () => {
    const { provider } = await userService()
    const client = new UserClient('mine')
    expect(await client.hello('Ann')).toMatchObject({ method: 'GET', url: '/api/hello/Ann' })
    expect(await client.create({ body: { name: 'Bo' } })).toMatchObject({ method: 'POST', body: '{"name":"Bo"}' })
    expect(await client.exists({ id: '7' })).toMatchObject({ status: 200 })
    expect(await client.list({ page: 2 })).toMatchObject({ url: '/api/users?page=2' })
    expect(provider.seen).toHaveLength(4)
  })

  test('the class stays itself: name, statics, constructor, own methods, instanceof', () => {
    const client = new UserClient('mine')
    expect(UserClient.name).toBe('UserClient')
    expect(UserClient.version).toBe(1)
    expect(client.greet()).toBe('I am mine')
    expect(client).toBeInstanceOf(UserClient)
    expect(client.constructor).toBe(UserClient)
  })

  test('a field can be taken off its client', async () => {
    await userService()
    const { hello } = new UserClient()
    expect(await hello('Ann')).toMatchObject({ url: '/api/hello/Ann' })
  })

  test('subclasses inherit the calls, and may add their own', async () => {
    await userService()
    class Plain extends UserClient {}
    @feign({ name: 'user-service', path: '/v2' })
    class More extends UserClient {
      @get('/more') more!: () => Promise<Echo>
      override greet(): string {
        return `more than ${super.greet()}`
      }
    }
    expect(await new Plain().hello('Ann')).toMatchObject({ url: '/api/hello/Ann' })
    const more = new More('m')
    expect(await more.more()).toMatchObject({ url: '/v2/more' })
    expect(await more.hello('Ann')).toMatchObject({ url: '/v2/hello/Ann' })
    expect(more.greet()).toBe('more than I am m')
  })

  test('a base class without @feign lends its calls', async () => {
    await userService()
    class Health {
      @get('/health') health!: () => Promise<Echo>
    }
    @feign('user-service')
    class Users extends Health {}
    expect(await new Users().health()).toMatchObject({ url: '/health' })
  })

  test('clientOf calls through the runtime it is given', async () => {
    const { mesh } = await userService()
    expect(await clientOf(UserClient, mesh.runtime).hello('Ann')).toMatchObject({ url: '/api/hello/Ann' })
  })

  test('a static member is refused by name', () => {
    const decorate = get('/x') as unknown as (target: unknown, key: string) => unknown
    expect(() => decorate(class {}, 'x')).toThrow(/x is static/)
  })
})

describe('without useDefineForClassFields', () => {
  /** What the compiler emits then: no own field at all, decorators called on the prototype. */
  test('fields are calls', async () => {
    await userService()
    class Bare {
      declare hello: (name: string) => Promise<Echo>
    }
    ;(get('/hello/{name}') as unknown as (target: object, key: string, none: undefined) => void)(
      Bare.prototype,
      'hello',
      undefined,
    )
    const Client = feign({ name: 'user-service', path: '/api' })(Bare)
    expect(await new Client().hello('Ann')).toMatchObject({ url: '/api/hello/Ann' })
  })

  test('a class that forgot its @feign says so', async () => {
    await userService()
    class Bare {
      declare hello: () => Promise<Echo>
    }
    ;(get('/hello') as unknown as (target: object, key: string) => void)(Bare.prototype, 'hello')
    await expect(new Bare().hello()).rejects.toMatchObject({ code: 'SIDECAR_CLIENT_INVALID' })
  })
})
