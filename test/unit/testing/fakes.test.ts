import { setTimeout as delay } from 'node:timers/promises'
import { createSidecar, defineClient, feign, get, GET } from 'nacos-sidecar'
import { fakeClient, startTestRegistry, type TestRegistry } from 'nacos-sidecar/testing'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { collectLog } from '../../support/collect.js'

interface User {
  readonly id: string
  readonly name: string
}

@feign('user-service')
class UserClient {
  @get('/users/{id}') getUser!: (p: { id: string }) => Promise<User>
  @get('/users/{id}/friends') friends!: (p: { id: string }) => Promise<readonly User[]>
  @get('/users')
  async list(_query?: { page?: number }): Promise<readonly User[]> {
    throw new Error('the body of a call never runs')
  }
  async nameOf(id: string): Promise<string> {
    return (await this.getUser({ id })).name
  }
}

const orders = defineClient('order-service', {
  byId: GET('/orders/{id}').as<(p: { id: number }) => Promise<{ total: number }>>(),
})
const ada = { id: '7', name: 'Ada' }

describe('fakeClient', () => {
  test('answers calls with the client’s own arguments, and knows them afterwards', async () => {
    const users = fakeClient(UserClient, {
      getUser: async ({ id }) => ({ id, name: 'Ada' }),
      list: (query) => [{ id: String(query?.page), name: 'Bo' }],
    })
    expect(users).toBeInstanceOf(UserClient)
    expect(await users.getUser({ id: '7' })).toEqual(ada)
    expect(await users.nameOf('8')).toBe('Ada')
    expect(await users.list({ page: 3 })).toEqual([{ id: '3', name: 'Bo' }])
    expect(users.getUser.calls).toEqual([[{ id: '7' }], [{ id: '8' }]])
    expect(users.list.calls).toEqual([[{ page: 3 }]])
  })

  test('rejects a call without an answer, and names it', async () => {
    const users = fakeClient(UserClient, { getUser: () => ada })
    await expect(users.list()).rejects.toMatchObject({
      code: 'SIDECAR_FAKE_MISSING',
      message: 'UserClient.list() was called, but the test has no fake for it: add list to its fakes',
    })
    await expect(users.friends({ id: '7' })).rejects.toThrow('UserClient.friends()')
    await expect(fakeClient(UserClient, {}).nameOf('7')).rejects.toThrow('UserClient.getUser()')
  })

  test('what an answer throws is what the call rejects with', async () => {
    const failure = new Error('no such user')
    const users = fakeClient(UserClient, {
      getUser: () => {
        throw failure
      },
    })
    await expect(users.getUser({ id: '7' })).rejects.toBe(failure)
  })

  test('stands in for a client without decorators; the client itself stays as it is', async () => {
    const fake = fakeClient(orders, { byId: ({ id }) => ({ total: id * 2 }) })
    expect(await fake.byId({ id: 21 })).toEqual({ total: 42 })
    expect(fake.byId.calls).toEqual([[{ id: 21 }]])
    await expect(fakeClient(orders, {}).byId({ id: 1 })).rejects.toThrow('order-service.byId() was called')
    expect('calls' in orders.byId).toBe(false)
  })

  test('refuses what is no client, and fakes of no call', () => {
    expect(() => fakeClient(class Plain {}, {})).toThrow(expect.objectContaining({ code: 'SIDECAR_CLIENT_INVALID' }))
    const wrong = { code: 'SIDECAR_TEST_INVALID' }
    // As from plain JavaScript.
    expect(() => fakeClient(UserClient, { remove: () => 1 } as object)).toThrow(expect.objectContaining(wrong))
    expect(() => fakeClient(UserClient, { getUser: 1 } as object)).toThrow(expect.objectContaining(wrong))
  })
})

describe('override', () => {
  let registry: TestRegistry
  beforeAll(async () => {
    registry = await startTestRegistry()
    return () => registry.stop()
  })

  function sidecar(name = 'portal') {
    const settings = registry.settings({ application: { name } })
    const made = createSidecar({ configPath: false, settings, signals: false, logger: collectLog() })
    onTestFinished(() => made.stop())
    return made
  }
  const database = (log: string[] = []) => ({
    log,
    start: () => {
      log.push('start')
      return { name: 'real' }
    },
    stop: ({ name }: { name: string }) => void log.push(`stop ${name}`),
    health: ({ name }: { name: string }) => void log.push(`health ${name}`),
  })

  test('a resource that is overridden before the start is not started, and its health is not asked for', async () => {
    const { override } = registry
    using _ = override('db', { name: 'fake' })
    const real = database()
    const portal = sidecar()
    const db = portal.provide('db', real)
    await portal.ready
    expect(db.value).toEqual({ name: 'fake' })
    expect(await db.ready).toEqual({ name: 'fake' })
    expect(await db.use(({ name }) => name)).toBe('fake')
    await portal.stop()
    expect(real.log).toEqual([])
  })

  test('a resource that runs is hidden by a fake until that ends; the last fake wins', async () => {
    const real = database()
    const portal = sidecar()
    const db = portal.provide('db', real)
    await portal.ready
    expect(db.value.name).toBe('real')
    const first = registry.override('db', { name: 'first' })
    {
      using _ = registry.override('db', { name: 'second' })
      expect(db.value.name).toBe('second')
      expect(await db.use(({ name }) => name)).toBe('second')
    }
    expect(db.value.name).toBe('first')
    first()
    first()
    expect(db.value.name).toBe('real')
    expect(await db.use(({ name }) => name)).toBe('real')
    await portal.stop()
    expect(real.log).toEqual(['start', 'stop real'])
  })

  test('the end of an override leaves what it kept from starting unavailable, and says why', async () => {
    const end = registry.override('db', { name: 'fake' })
    const portal = sidecar()
    const db = portal.provide('db', database())
    await portal.ready
    end()
    expect(() => db.value).toThrow(expect.objectContaining({ code: 'SIDECAR_RESOURCE_UNAVAILABLE' }))
    await expect(db.use(({ name }) => name)).rejects.toThrow('was not started, because a test had overridden it')
  })

  test('wrong options of a resource are refused as without a test', async () => {
    const portal = sidecar()
    const wrong = { code: 'SIDECAR_HOOK_INVALID' }
    expect(() => portal.provide('a', {} as never)).toThrow(expect.objectContaining(wrong))
    expect(() => portal.provide('a', { start: () => 1, stop: 1 } as never)).toThrow(expect.objectContaining(wrong))
    expect(() => portal.provide('a', { start: () => 1, reload: 1 } as never)).toThrow(expect.objectContaining(wrong))
  })

  test('a client of the app is overridden wherever it is made, before a call and after one', async () => {
    await using stub = await registry.stub('user-service', (request, response) => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(request.url === '/users' ? [ada] : { ...ada, name: 'Real' }))
    })
    expect(stub.url).toContain('127.0.0.1')
    const portal = sidecar()
    await portal.ready
    const users = portal.client(UserClient)
    expect(await users.getUser({ id: '7' })).toEqual({ id: '7', name: 'Real' })

    const fake = fakeClient(UserClient, { getUser: ({ id }) => ({ id, name: 'Fake' }) })
    {
      using _ = registry.override(UserClient, fake)
      expect(await users.getUser({ id: '7' })).toEqual({ id: '7', name: 'Fake' })
      // A method that is no call goes on being the client's own.
      expect(await portal.client(UserClient).nameOf('8')).toBe('Fake')
      expect(fake.getUser.calls).toEqual([[{ id: '7' }], [{ id: '8' }]])
      await expect(users.list()).rejects.toMatchObject({ code: 'SIDECAR_FAKE_MISSING' })
      // A sidecar that is made afterwards has the fake, too.
      const later = sidecar('later').client(UserClient)
      expect(await later.nameOf('9')).toBe('Fake')
    }
    expect(await users.getUser({ id: '7' })).toEqual({ id: '7', name: 'Real' })
    expect(await users.list()).toEqual([ada])
  })

  test('a client without decorators is overridden; sidecars of another registry keep theirs', async () => {
    await using other = await startTestRegistry()
    const settings = other.settings({ application: { name: 'elsewhere' } })
    const elsewhere = createSidecar({ configPath: false, settings, signals: false, logger: collectLog() })
    onTestFinished(() => elsewhere.stop())
    using _ = registry.override(orders, { byId: ({ id }) => ({ total: id }) })
    expect(await sidecar().client(orders).byId({ id: 7 })).toEqual({ total: 7 })
    await expect(elsewhere.client(orders).byId({ id: 7 })).rejects.toMatchObject({ code: 'SIDECAR_NO_INSTANCE' })
  })

  test('the stop of the registry ends what was overridden', async () => {
    const own = await startTestRegistry()
    const settings = own.settings({ application: { name: 'portal' } })
    const portal = createSidecar({ configPath: false, settings, signals: false, logger: collectLog() })
    onTestFinished(() => portal.stop())
    const db = portal.provide('db', database())
    own.override('db', { name: 'fake' })
    own.override(orders, { byId: () => ({ total: 1 }) })
    await portal.ready
    expect(await portal.client(orders).byId({ id: 7 })).toEqual({ total: 1 })
    await own.stop()
    await expect(portal.client(orders).byId({ id: 7 })).rejects.not.toMatchObject({ code: 'SIDECAR_FAKE_MISSING' })
    expect(() => db.value).toThrow('was not started')
  })
})

describe('timers', () => {
  async function portalWith(
    timers: (portal: ReturnType<typeof createSidecar>) => void,
    registry: TestRegistry,
    name = 'portal',
  ) {
    const settings = registry.settings({ application: { name } })
    const portal = createSidecar({ configPath: false, settings, signals: false, logger: collectLog() })
    onTestFinished(() => portal.stop())
    timers(portal)
    return portal
  }

  test('fire runs a timer by its name, after the start, and rejects as the run does', async () => {
    await using registry = await startTestRegistry()
    const log: string[] = []
    await portalWith((portal) => {
      portal.onStart(async () => {
        await delay(1)
        log.push('started')
      })
      portal.timer('nightly', { every: '1h' }, () => void log.push('nightly'), { on: 'one' })
      portal.timer('broken', { every: '1h' }, () => Promise.reject(new Error('no rates')))
    }, registry)
    await registry.fire('nightly')
    expect(log).toEqual(['started', 'nightly'])
    await expect(registry.fire('broken')).rejects.toThrow('no rates')
    await expect(registry.fire('hourly')).rejects.toMatchObject({
      code: 'SIDECAR_TEST_INVALID',
      message: 'fire("hourly"): there is no such timer; there are: nightly of portal, broken of portal',
    })
  })

  test('a timer of a name that several services have is fired with the service', async () => {
    await using registry = await startTestRegistry()
    const log: string[] = []
    for (const name of ['orders', 'stock'])
      await portalWith((one) => one.timer('nightly', { every: '1h' }, () => void log.push(name)), registry, name)
    await expect(registry.fire('nightly')).rejects.toThrow('several services have it (orders, stock)')
    await registry.fire('nightly', { service: 'stock' })
    expect(log).toEqual(['stock'])
  })

  test('only: of all timers those named run by themselves; fire runs the others too', async () => {
    await using registry = await startTestRegistry()
    const log: string[] = []
    {
      using _ = registry.only('quick')
      const portal = await portalWith((one) => {
        one.timer('eager', { every: 1 }, () => void log.push('eager'), { eager: true })
        one.timer('slow', { every: 1 }, () => void log.push('slow'))
      }, registry)
      await new Promise<void>((resolve) => portal.timer('quick', { every: 5 }, () => resolve()))
      expect(log).toEqual([])
      await registry.fire('slow')
      expect(log).toEqual(['slow'])
    }
    const again = await portalWith(() => {}, registry, 'again')
    await new Promise<void>((resolve) => again.timer('eager', { every: '1h' }, () => resolve(), { eager: true }))
  })
})
