import { createServer } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { killChildren, startChild } from '../../support/child.js'
import { host } from '../../support/scripted-grpc-server.js'
import { document, link, server, service, up } from '../../support/grpc-link.js'

afterEach(killChildren)

describe('set-up', () => {
  it('checks the server, sets the connection up, and waits until it is taken in', async () => {
    const nacos = await server({ registerDelayMs: 120 })
    const client = link(nacos.port, { namespace: 'dev', module: 'config' })
    expect(client.state()).toMatchObject({ status: 'connecting', server: `127.0.0.1:${nacos.port}` })
    await client.list(service())

    const types = nacos.seen.map((entry) => entry.type)
    expect(types.slice(0, 2)).toEqual(['ServerCheckRequest', 'ConnectionSetupRequest'])
    // Probed, refused with 301, probed again; the caller saw none of it.
    expect(types.filter((type) => type === 'HealthCheckRequest').length).toBeGreaterThan(1)
    expect(types.at(-1)).toBe('ServiceQueryRequest')
    const setup = nacos.of('ConnectionSetupRequest')[0]!
    expect(setup).toMatchObject({ via: 'stream', clientIp: '127.0.0.1' })
    expect(setup.body).toMatchObject({ tenant: 'dev', abilityTable: {}, labels: { source: 'sdk', module: 'config' } })
    expect(new Set(nacos.seen.map((entry) => entry.peer)).size).toBe(1)
    expect(client.state()).toEqual({
      status: 'up',
      server: `127.0.0.1:${nacos.port}`,
      endpoint: `127.0.0.1:${nacos.port}`,
      reason: '',
    })
  })

  it('acknowledges the abilities of 2.3 and later, which carry no request id', async () => {
    const nacos = await server({ negotiates: true })
    await up(link(nacos.port))
    await vi.waitFor(() => expect(nacos.of('SetupAckResponse')).toHaveLength(1))
    expect(nacos.of('SetupAckResponse')[0]!.body).toEqual({ resultCode: 200 })
  })

  it('answers a detection with its request id', async () => {
    const nacos = await server()
    await up(link(nacos.port))
    nacos.push('ClientDetectionRequest', { module: 'internal', requestId: '77' })
    await vi.waitFor(() => expect(nacos.of('ClientDetectionResponse')).toHaveLength(1))
    expect(nacos.of('ClientDetectionResponse')[0]!.body).toEqual({ requestId: '77', resultCode: 200 })
  })

  it('asks an idle server for a sign of life, no more than once an interval', async () => {
    const nacos = await server()
    await up(link(nacos.port, { livenessIntervalMs: 100 }))
    const before = nacos.of('HealthCheckRequest').length
    const from = performance.now()
    await vi.waitFor(() => expect(nacos.of('HealthCheckRequest').length).toBeGreaterThanOrEqual(before + 3))
    expect(performance.now() - from).toBeGreaterThan(250)
  })

  it('gives up on something that is no gRPC server, and says so', async () => {
    const http = createServer((socket) => socket.resume().end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'))
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    const { port } = http.address() as { port: number }
    const client = link(port)
    await expect(client.list(service())).rejects.toMatchObject({
      code: 'SIDECAR_REGISTRY_UNAVAILABLE',
      message: expect.stringContaining(`127.0.0.1:${port}`) as string,
    })
    expect(client.state().status).toBe('down')
    await new Promise((resolve) => http.close(resolve))
  })
})

describe('a failing server', () => {
  it('is tried no more often than the least time between attempts, however it fails', async () => {
    const attempts: number[] = []
    let met = 0
    const broken = createServer((socket) => {
      met++
      socket.on('error', () => {})
      socket.destroy()
    })
    await new Promise<void>((resolve) => broken.listen(0, '127.0.0.1', resolve))
    const { port } = broken.address() as { port: number }
    // Where the client begins them: a server hears of one when its process has the time.
    const acquire = async () => (attempts.push(performance.now()), 'granted' as const)
    const client = link(port, { minAttemptMs: 400, maxBackoffMs: 1_600, limiter: { acquire, releaseAll: () => {} } })
    client.watchService(service(), () => {})
    await vi.waitFor(() => expect(met).toBeGreaterThanOrEqual(3), 8_000)
    const gaps = attempts.slice(1).map((at, index) => at - attempts[index]!)
    for (const gap of gaps) expect(gap).toBeGreaterThan(399)
    await new Promise((resolve) => broken.close(resolve))
  })

  it('takes its turns from a budget it shares', async () => {
    const nacos = await server()
    await nacos.close()
    const turns: number[] = []
    let wake = () => {}
    const client = link(nacos.port, {
      minAttemptMs: 1,
      maxBackoffMs: 1,
      limiter: {
        acquire: async () => {
          turns.push(turns.length)
          if (turns.length > 3) await new Promise<void>((resolve) => (wake = resolve))
          return 'granted'
        },
        releaseAll: () => {},
      },
    })
    await vi.waitFor(() => expect(turns).toHaveLength(4))
    await expect(client.list(service())).rejects.toMatchObject({ code: 'SIDECAR_REGISTRY_UNAVAILABLE' })
    expect(client.lines).toHaveLength(3)
    wake()
    await vi.waitFor(() => expect(client.lines).toHaveLength(4))
    wake()
    await client.close()
  })

  it('is left for the next address', async () => {
    const nacos = await server()
    const dead = await server()
    await dead.close()
    for (let round = 0; round < 4; round++) {
      const client = link([dead.port, nacos.port])
      await up(client)
      expect(client.state().server).toBe(`127.0.0.1:${nacos.port}`)
      await client.close()
    }
  })

  it('that takes nothing in within the deadline is left as well', async () => {
    const mute = await server({ registerDelayMs: 60_000 })
    const nacos = await server()
    // Which one comes first is up to chance.
    for (let round = 0; mute.of('ConnectionSetupRequest').length === 0 && round < 50; round++) {
      const client = link([mute.port, nacos.port], { connectTimeoutMs: 150 })
      await up(client)
      expect(client.state().server).toBe(`127.0.0.1:${nacos.port}`)
      await client.close()
    }
    expect(mute.of('ConnectionSetupRequest').length).toBeGreaterThan(0)
    await vi.waitFor(() => expect(mute.clients.size).toBe(0))
  })
})

describe('a half-open connection', () => {
  it('fault 11: is noticed within 2 s, and healed when the server is back', async () => {
    const child = startChild(new URL('../../support/grpc-server-process.ts', import.meta.url))
    const { port } = await child.message<{ port: number }>('listening')
    // The library's own durations.
    const client = link(port, { minAttemptMs: 1_000, maxBackoffMs: 4_000 })
    await up(client)
    const lists: number[][] = []
    client.watchService(service(), (list) => lists.push(list.map((one) => one.port)))
    await vi.waitFor(() => expect(lists).toEqual([[8001]]))

    const down = new Promise<number>((resolve) => client.onDown(() => resolve(performance.now())))
    const stopped = performance.now()
    child.signal('SIGSTOP')
    expect((await down) - stopped).toBeLessThan(2_000)
    expect(client.state().reason).toMatch(/no answer within/)

    child.signal('SIGCONT')
    await vi.waitFor(() => expect(client.state().status).toBe('up'), 6_000)
    await vi.waitFor(() => expect(lists.at(-1)).toEqual([8001]))
  })

  it('is not seen in our own blocked loop', async () => {
    const child = startChild(new URL('../../support/grpc-server-process.ts', import.meta.url))
    const { port } = await child.message<{ port: number }>('listening')
    const client = link(port, { livenessIntervalMs: 50, livenessTimeoutMs: 400 })
    await up(client)
    let downs = 0
    client.onDown(() => downs++)
    for (let round = 0; round < 2; round++) {
      // Lets a check go out, and then keeps its answer from being read in time.
      await new Promise((resolve) => setTimeout(resolve, 60))
      const until = performance.now() + 1_100
      while (performance.now() < until);
    }
    await client.list(service())
    expect(downs).toBe(0)
  })
})

describe('an unregistered connection (301)', () => {
  it('is replaced, and the request that met it is sent again', async () => {
    const nacos = await server()
    const client = link(nacos.port)
    await up(client)
    nacos.setHosts('users', [host(8001)])
    nacos.forget()
    expect((await client.list(service())).map((one) => one.port)).toEqual([8001])
    expect(nacos.of('ConnectionSetupRequest')).toHaveLength(2)
  })
})

describe('a reset', () => {
  it('moves the link to the named server before the old connection goes', async () => {
    const [old, next] = [await server(), await server()]
    const client = link(old.port)
    await up(client)
    const downs: unknown[] = []
    client.onDown((state) => downs.push(state))
    const ports: number[][] = []
    next.setHosts('users', [host(8002)])
    client.watchService(service(), (list) => ports.push(list.map((one) => one.port)))
    await vi.waitFor(() => expect(ports).toEqual([[]]))

    let stoodWhileMoving = false
    next.script('SubscribeServiceRequest', () => {
      stoodWhileMoving = old.clients.size === 1
      return undefined
    })
    old.push('ConnectResetRequest', { serverIp: '127.0.0.1', serverPort: String(next.port), module: 'internal' })
    await vi.waitFor(() => expect(ports.at(-1)).toEqual([8002]))
    await vi.waitFor(() => expect(old.clients.size).toBe(0))
    expect(old.of('ConnectResetResponse')).toHaveLength(1)
    expect(stoodWhileMoving).toBe(true)
    expect(downs).toEqual([])
    expect(client.state().server).toBe(`127.0.0.1:${next.port}`)
  })

  it.each([
    ['no address', {}],
    ['a name to look up', { serverIp: 'evil.example', serverPort: '80' }],
    ['no port', { serverIp: '127.0.0.1', serverPort: '99999' }],
  ])('with %s moves to the next of the list', async (_what, target) => {
    const [one, two] = [await server(), await server()]
    const client = link([one.port, two.port])
    await up(client)
    const [old, next] = one.clients.size === 1 ? [one, two] : [two, one]
    old.push('ConnectResetRequest', target)
    await vi.waitFor(() => expect([old.clients.size, next.clients.size]).toEqual([0, 1]))
  })

  it('to a server that is not there leaves the link where it is', async () => {
    const nacos = await server()
    const gone = await server()
    await gone.close()
    const client = link(nacos.port)
    await up(client)
    nacos.push('ConnectResetRequest', { serverIp: '127.0.0.1', serverPort: gone.port })
    await vi.waitFor(() => expect(client.lines.join('\n')).toMatch(/the registry had asked for the move/))
    expect(client.state().status).toBe('up')
    expect(await client.list(service())).toEqual([])
    expect(nacos.of('ConnectionSetupRequest')).toHaveLength(1)
  })
})

describe('limits', () => {
  it('refuses an answer above the cap, and stays', async () => {
    const nacos = await server()
    const client = link(nacos.port, { maxMessageBytes: 50_000 })
    nacos.setConfig('app.yml', 'x'.repeat(60_000))
    await expect(client.getConfig(document())).rejects.toMatchObject({
      code: 'SIDECAR_CONFIG_TOO_LARGE',
      message: expect.stringContaining('app.yml') as string,
    })
    await expect(client.publishConfig({ ...document('b.yml'), content: 'y'.repeat(60_000) })).rejects.toMatchObject({
      code: 'SIDECAR_CONFIG_TOO_LARGE',
    })
    nacos.setConfig('app.yml', 'x'.repeat(40_000))
    expect((await client.getConfig(document()))!.content).toHaveLength(40_000)
    expect(nacos.of('ConnectionSetupRequest')).toHaveLength(1)
  })

  it('ends a request that is not answered, and keeps the connection', async () => {
    const nacos = await server()
    nacos.script('ServiceQueryRequest', () => 'hang')
    const client = link(nacos.port, { requestTimeoutMs: 300 })
    await up(client)
    await expect(client.list(service())).rejects.toMatchObject({
      code: 'SIDECAR_REGISTRY_UNAVAILABLE',
      message: expect.stringContaining('no answer within') as string,
    })
    expect(client.state().status).toBe('up')
  })

  it('ends a request with its signal', async () => {
    const nacos = await server()
    nacos.script('ServiceQueryRequest', () => 'hang')
    const client = link(nacos.port)
    await up(client)
    const controller = new AbortController()
    const reason = new Error('enough')
    const listed = client.list(service(), controller.signal)
    await vi.waitFor(() => expect(nacos.of('ServiceQueryRequest')).toHaveLength(1))
    controller.abort(reason)
    await expect(listed).rejects.toBe(reason)
    await expect(client.list(service(), controller.signal)).rejects.toBe(reason)
  })

  it('carries a hundred requests at once without a listener warning', async () => {
    const nacos = await server()
    const client = link(nacos.port)
    const warnings: string[] = []
    const onWarning = ({ name, message }: Error) => name === 'MaxListenersExceededWarning' && warnings.push(message)
    process.on('warning', onWarning)
    const { signal } = new AbortController()
    await Promise.all(Array.from({ length: 100 }, () => client.list(service(), signal)))
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
  })
})

describe('the end', () => {
  it('rejects what is open, and everything after it', async () => {
    const nacos = await server()
    nacos.script('ServiceQueryRequest', () => 'hang')
    const client = link(nacos.port)
    await up(client)
    const listed = client.list(service())
    const stopped = expect(listed).rejects.toMatchObject({ code: 'SIDECAR_STOPPED' })
    await vi.waitFor(() => expect(nacos.of('ServiceQueryRequest')).toHaveLength(1))
    await Promise.all([client.close(), client.close()])
    await stopped
    await expect(client.list(service())).rejects.toMatchObject({ code: 'SIDECAR_STOPPED' })
    await vi.waitFor(() => expect(nacos.clients.size).toBe(0))
  })

  it('rejects what waits for a connection', async () => {
    const nacos = await server({ registerDelayMs: 60_000 })
    const client = link(nacos.port)
    const listed = expect(client.list(service())).rejects.toMatchObject({ code: 'SIDECAR_STOPPED' })
    await vi.waitFor(() => expect(nacos.of('ConnectionSetupRequest')).toHaveLength(1))
    await client.close()
    await listed
  })

  it('leaves no handle, and an open link holds no process', async () => {
    const nacos = await server()
    const child = startChild(new URL('../../fixtures/apps/grpc-client.ts', import.meta.url), {
      env: { GRPC_PORT: String(nacos.port) },
    })
    // Awaited requests hold it, the open stream does not: it ends by itself, without close().
    expect(await child.exited, child.stderr).toEqual({ code: 0, signal: null })
    expect(await child.message('done')).toMatchObject({ listed: 0, leaked: 0 })
    expect(child.stderr).toBe('')
  })
})
