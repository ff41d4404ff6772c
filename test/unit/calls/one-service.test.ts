import { defineClient, GET } from 'nacos-sidecar'
import { describe, expect, it } from 'vitest'
import { parseServiceName } from '../../../src/instance.js'
import { createFetch } from '../../../src/http/fetch.js'
import { serviceNameOf } from '../../../src/registration/instance.js'
import { settingsSchema } from '../../../src/settings/schema.js'
import { closedPort, instance, startMesh, startProvider } from '../../support/mesh.js'

describe('a service whose name is written in two ways', () => {
  it('R14: is one route, one ejector, one budget, one breaker', async () => {
    const { runtime, registry, events } = startMesh({
      sidecar: { ejection: { time: 600_000, maxTime: 600_000 } }, // none comes back within the test
      feign: { client: { 'user-service': { balancer: 'random' } } },
    })
    const good = await startProvider()
    registry.set('user-service', instance('user-service', good.port), instance('user-service', await closedPort()))
    const [plain, grouped] = ['user-service', 'DEFAULT_GROUP@@user-service']
    expect(runtime.target(grouped!).route).toBe(runtime.target(plain!).route)
    expect(runtime.routes.to(grouped!)).toBe(runtime.routes.to(plain!))
    expect(runtime.budget(grouped!)).toBe(runtime.budget(plain!))
    expect(runtime.breaker(grouped!, {})).toBe(runtime.breaker(plain!, {}))
    expect(runtime.routes.to('other@@user-service')).not.toBe(runtime.routes.to(plain!))

    // What one has learnt the other knows, and fetch too.
    const one = defineClient(plain!, { get: GET('/') })
    const two = defineClient(grouped!, { get: GET('/') })
    const fetch = createFetch(() => runtime)
    for (let call = 0; call < 20; call++) {
      await one.get()
      await two.get()
      await (await fetch('http://user-service/')).text()
    }
    expect(events.filter(([event]) => event === 'ejected')).toHaveLength(1)
  })
})

describe('names of services', () => {
  const registers = (name: string) => {
    try {
      return serviceNameOf(settingsSchema.parse({ application: { name } })) === name
    } catch {
      return false
    }
  }
  const called = (name: string) => {
    try {
      return parseServiceName(name, '', 'DEFAULT_GROUP').service === name
    } catch {
      return false
    }
  }

  it.each([
    'a',
    'com.acme.User:1.0_x',
    'orders~v2',
    'a+b',
    "it's",
    'größe',
    'providers:com.x.Api:1.0:',
    'x'.repeat(512),
  ])('R15: what can be registered can be called: %s', (name) =>
    expect([registers(name), called(name)]).toEqual([true, true]),
  )

  it.each(['a b', '服务', 'a/b', 'a\\b', 'a?b', 'a#b', 'a%2f', 'u@h', 'a@@b@@c', 'a\u0007b', 'x'.repeat(513)])(
    'R15: what cannot be called is not registered: %s',
    (name) => expect([registers(name), called(name)]).toEqual([false, false]),
  )
})
