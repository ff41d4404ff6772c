import { describe, expect, it, vi } from 'vitest'
import { host } from '../../support/scripted-grpc-server.js'
import { link, server, service, up } from '../../support/grpc-link.js'

const ports = (list: readonly { port: number }[]) => list.map((one) => one.port)

/** A link that watches `users` on a fresh server and has had its first list. */
async function watching(rest: Parameters<typeof link>[1] = {}) {
  const nacos = await server()
  nacos.setHosts('users', [host(8001)])
  const client = link(nacos.port, rest)
  const lists: number[][] = []
  const stop = client.watchService(service(), (list) => lists.push(ports(list)))
  await vi.waitFor(() => expect(lists[0]).toEqual([8001]))
  return { nacos, client, lists, stop }
}

/** Everything the server has sent so far has been seen by the client once it answers this. */
async function settled({ nacos, client }: Awaited<ReturnType<typeof watching>>): Promise<void> {
  const detections = nacos.of('ClientDetectionResponse').length
  nacos.push('ClientDetectionRequest', {})
  await vi.waitFor(() => expect(nacos.of('ClientDetectionResponse').length).toBe(detections + 1))
  await client.list(service('other'))
}

describe('a watched service', () => {
  it('gets the list with the subscription, then every change; each push is acknowledged by its id', async () => {
    const { nacos, lists } = await watching()
    expect(nacos.of('SubscribeServiceRequest')[0]!.body).toMatchObject({
      namespace: 'public',
      serviceName: 'users',
      groupName: 'DEFAULT_GROUP',
      subscribe: true,
    })
    nacos.setHosts('users', [host(8001), host(8002, { metadata: { 城: '杭州' } })])
    await vi.waitFor(() => expect(lists.at(-1)).toEqual([8001, 8002]))
    nacos.setHosts('users', [])
    await vi.waitFor(() => expect(lists.at(-1)).toEqual([]))
    await vi.waitFor(() =>
      expect(nacos.of('NotifySubscriberResponse').map((ack) => ack.body)).toEqual([
        { requestId: '1', resultCode: 200 },
        { requestId: '2', resultCode: 200 },
      ]),
    )
  })

  it('is subscribed once for many listeners, and left with the last of them', async () => {
    const { nacos, client, stop } = await watching()
    const late: number[][] = []
    const stopLate = client.watchService(service(), (list) => late.push(ports(list)))
    expect(late).toEqual([])
    await vi.waitFor(() => expect(late).toEqual([[8001]]))
    stop()
    stop()
    nacos.setHosts('users', [host(8002)])
    await vi.waitFor(() => expect(late.at(-1)).toEqual([8002]))
    expect(nacos.of('SubscribeServiceRequest')).toHaveLength(1)
    stopLate()
    await vi.waitFor(() => expect(nacos.of('SubscribeServiceRequest')).toHaveLength(2))
    expect(nacos.of('SubscribeServiceRequest')[1]!.body).toMatchObject({ subscribe: false, serviceName: 'users' })
  })

  it('watched again at once stays subscribed', async () => {
    const { nacos, client, stop } = await watching()
    stop()
    const again: number[][] = []
    client.watchService(service(), (list) => again.push(ports(list)))
    await vi.waitFor(() => expect(again.at(-1)).toEqual([8001]))
    nacos.setHosts('users', [host(8002)])
    await vi.waitFor(() => expect(again.at(-1)).toEqual([8002]))
  })

  it('goes on for the others when one listener throws', async () => {
    const { nacos, client, lists } = await watching()
    client.watchService(service(), () => {
      throw new Error('mine')
    })
    nacos.setHosts('users', [host(8002)])
    await vi.waitFor(() => expect(lists.at(-1)).toEqual([8002]))
    expect(client.lines.join('\n')).toMatch(/DEFAULT_GROUP@@users threw: mine/)
  })

  it('cannot be changed by what a listener does to its list', async () => {
    const { client } = await watching()
    client.watchService(service(), (list) => void list.splice(0))
    const lists: number[][] = []
    await new Promise((resolve) => setImmediate(resolve))
    client.watchService(service(), (list) => lists.push(ports(list)))
    await vi.waitFor(() => expect(lists).toEqual([[8001]]))
  })
})

describe('subscriptions are brought about until they hold', () => {
  it('after a refusal', async () => {
    const nacos = await server()
    nacos.setHosts('users', [host(8001)])
    let refusals = 2
    nacos.script('SubscribeServiceRequest', () =>
      refusals-- > 0 ? { resultCode: 500, errorCode: 500, message: 'not yet' } : undefined,
    )
    const client = link(nacos.port)
    const lists: number[][] = []
    client.watchService(service(), (list) => lists.push(ports(list)))
    await vi.waitFor(() => expect(lists).toEqual([[8001]]), 5_000)
    expect(client.lines.join('\n')).toMatch(/warn subscription of service DEFAULT_GROUP@@users: .*not yet/)
    expect(client.lines.join('\n')).toMatch(/info subscription of service DEFAULT_GROUP@@users: works again/)
  })

  it('after an answer that makes no sense, which is no empty list', async () => {
    const nacos = await server()
    nacos.setHosts('users', [host(8001)])
    let broken = 1
    nacos.script('SubscribeServiceRequest', () => (broken-- > 0 ? { resultCode: 200, serviceInfo: null } : undefined))
    const lists: number[][] = []
    link(nacos.port).watchService(service(), (list) => lists.push(ports(list)))
    await vi.waitFor(() => expect(lists).toEqual([[8001]]), 5_000)
  })

  it('after the server went away, with what changed meanwhile', async () => {
    const { nacos, client, lists } = await watching()
    const states: string[] = []
    client.onDown((state) => states.push(state.status))
    client.onUp((state) => states.push(state.status))
    await nacos.close()
    await vi.waitFor(() => expect(states).toEqual(['up', 'down']))
    expect(lists).toEqual([[8001]])
    const again = await server({ port: nacos.port })
    again.setHosts('users', [host(8002)])
    await vi.waitFor(() => expect(lists.at(-1)).toEqual([8002]), 5_000)
    expect(states).toEqual(['up', 'down', 'up'])
  })

  it('after the server ended the stream alone', async () => {
    const { nacos, lists } = await watching()
    nacos.setHosts('users', [host(8002)], { push: false })
    nacos.hangUp()
    await vi.waitFor(() => expect(lists.at(-1)).toEqual([8002]), 5_000)
  })

  it('hundreds at a time, over one connection', async () => {
    const nacos = await server()
    const client = link(nacos.port)
    const seen = new Set<string>()
    for (let index = 0; index < 300; index++) client.watchService(service(`s${index}`), () => seen.add(`s${index}`))
    await vi.waitFor(() => expect(seen.size).toBe(300), 10_000)
    nacos.hangUp()
    seen.clear()
    await vi.waitFor(() => expect(seen.size).toBe(300), 10_000)
    expect(nacos.clients.size).toBe(1)
  })

  it('when a push was lost, by asking again now and then', async () => {
    const { nacos, lists } = await watching({ verifyIntervalMs: 300 })
    nacos.setHosts('users', [host(8002)], { push: false })
    await vi.waitFor(() => expect(lists.at(-1)).toEqual([8002]), 3_000)
  })
})

describe('fault 45: a push that is not newer, or not for us, is ignored', () => {
  const notify = (serviceInfo: unknown, rest = {}) => ({ module: 'naming', serviceInfo, ...rest })

  it('duplicate', async () => {
    const state = await watching()
    const info = state.nacos.serviceInfo('users', [host(8002)])
    for (let copy = 0; copy < 3; copy++) state.nacos.push('NotifySubscriberRequest', notify(info))
    state.nacos.setHosts('users', [host(8002)], { push: false })
    await settled(state)
    // Once, and whatever we then asked for ourselves.
    await vi.waitFor(() => expect(state.lists.slice(1).every((list) => list[0] === 8002)).toBe(true))
    expect(state.lists[1]).toEqual([8002])
    expect(state.nacos.of('NotifySubscriberResponse')).toHaveLength(3)
  })

  it('reordered: the older one is not believed, the registry is asked', async () => {
    const state = await watching()
    const older = state.nacos.serviceInfo('users', [host(7001)])
    state.nacos.setHosts('users', [host(8002)])
    state.nacos.push('NotifySubscriberRequest', notify(older))
    await vi.waitFor(() => expect(state.nacos.of('SubscribeServiceRequest')).toHaveLength(2))
    await settled(state)
    expect(state.lists.flat()).not.toContain(7001)
    expect(state.lists.at(-1)).toEqual([8002])
  })

  it('with a server clock that was set back, the change still arrives', async () => {
    const state = await watching()
    state.nacos.clock.now -= 3_600_000
    state.nacos.setHosts('users', [host(8002)])
    await vi.waitFor(() => expect(state.lists.at(-1)).toEqual([8002]))
    state.nacos.setHosts('users', [host(8003)])
    await vi.waitFor(() => expect(state.lists.at(-1)).toEqual([8003]))
  })

  it('an answer that a push overtook', async () => {
    const nacos = await server()
    nacos.setHosts('users', [host(8001)])
    nacos.script('SubscribeServiceRequest', () => {
      nacos.script('SubscribeServiceRequest', undefined)
      const stale = nacos.serviceInfo('users', [host(7001)])
      nacos.push('NotifySubscriberRequest', notify(nacos.serviceInfo('users', [host(8002)])))
      return { resultCode: 200, serviceInfo: stale }
    })
    const client = link(nacos.port)
    const lists: number[][] = []
    client.watchService(service(), (list) => lists.push(ports(list)))
    await vi.waitFor(() => expect(lists.at(-1)).toEqual([8002]))
    await settled({ nacos, client, lists, stop: () => {} })
    expect(lists.at(-1)).toEqual([8002])
  })

  it.each([
    ['another service', (make: (name: string) => unknown) => notify(make('orders'))],
    ['another group', (make: (name: string) => object) => notify({ ...(make('users') as object), groupName: 'OTHER' })],
    ['another namespace', (make: (name: string) => unknown) => notify(make('users'), { namespace: 'evil' })],
    ['no service', () => notify(undefined)],
    [
      'hosts that are no list',
      (make: (name: string) => unknown) => notify({ ...(make('users') as object), hosts: 'x' }),
    ],
    ['a name with a prototype', (make: (name: string) => unknown) => notify(make('__proto__'))],
  ])('spoofed: %s', async (_what, forge) => {
    const state = await watching()
    const body = forge((name) => state.nacos.serviceInfo(name, [host(6666)]))
    state.nacos.push('NotifySubscriberRequest', body as Record<string, unknown>)
    await settled(state)
    expect(state.lists).toEqual([[8001]])
    expect(state.client.state().status).toBe('up')
  })

  it('spoofed: bytes that are no JSON', async () => {
    const state = await watching()
    state.nacos.pushBytes(Buffer.from('{"serviceInfo":'))
    state.nacos.pushBytes(Buffer.from([0xff, 0xfe, 0]))
    state.nacos.pushBytes(Buffer.from('null'))
    await settled(state)
    expect(state.lists).toEqual([[8001]])
    expect(state.client.lines.filter((line) => line.includes('not understood'))).toHaveLength(3)
    state.nacos.setHosts('users', [host(8002)])
    await vi.waitFor(() => expect(state.lists.at(-1)).toEqual([8002]))
  })

  it('ambiguous: one name in two namespaces and a push that does not say which', async () => {
    const state = await watching()
    const other: number[][] = []
    state.nacos.script('SubscribeServiceRequest', (body) =>
      body['namespace'] === 'dev'
        ? { resultCode: 200, serviceInfo: state.nacos.serviceInfo('users', [host(9001)]) }
        : undefined,
    )
    state.client.watchService({ ...service(), namespace: 'dev' }, (list) => other.push(ports(list)))
    await vi.waitFor(() => expect(other).toEqual([[9001]]))
    state.nacos.setHosts('users', [host(8002)])
    await vi.waitFor(() => expect(state.lists.at(-1)).toEqual([8002]))
    expect(other.flat()).not.toContain(8002)
  })
})

describe('state', () => {
  it('calls a late onUp at once, and no listener after its end', async () => {
    const nacos = await server()
    const client = link(nacos.port)
    await up(client)
    const heard: string[] = []
    const leave = client.onUp((state) => heard.push(state.server))
    expect(heard).toEqual([`127.0.0.1:${nacos.port}`])
    leave()
    client.onDown(() => {
      throw new Error('a bad listener')
    })
    nacos.hangUp()
    await vi.waitFor(() => expect(nacos.of('ConnectionSetupRequest')).toHaveLength(2))
    await vi.waitFor(() => expect(client.state().status).toBe('up'))
    expect(heard).toHaveLength(1)
  })

  it('nudged, does not wait out its back-off', async () => {
    const nacos = await server()
    await nacos.close()
    const client = link(nacos.port, { minAttemptMs: 50, maxBackoffMs: 60_000 })
    // Far enough into the back-off that it would sit out the test.
    await vi.waitFor(() => expect(client.lines.join('\n')).toMatch(/attempt 6/), 10_000)
    const again = await server({ port: nacos.port })
    client.retryNow()
    await vi.waitFor(() => expect(again.clients.size).toBe(1), 1_000)
  })
})
