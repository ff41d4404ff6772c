import { createHash, randomBytes } from 'node:crypto'
import dns from 'node:dns'
import { once } from 'node:events'
import { createServer, type Agent, type RequestListener } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { connect, type AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { runWithContext, type OperationStats } from 'nacos-sidecar'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createAuthority } from './certificates.js'
import { closedPort, echo, instance, startMesh, startProvider, unavailable, type Mesh, type Provider } from './mesh.js'
import { tlsFront } from './tls-front.js'

/** One request, as any client can send it. */
export interface ClientRequest {
  readonly url: string
  readonly method?: 'GET' | 'POST' | 'PUT'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Readable
  readonly signal?: AbortSignal
}

/** An answer of any status; no answer is a rejection. */
export interface ClientResponse {
  readonly status: number
  readonly body: AsyncIterable<Uint8Array | string>
}

export type SendRequest = (request: ClientRequest) => Promise<ClientResponse>

/** A kind of client with logical names. */
export interface ClientKind {
  /** Of its URLs. @default http */
  readonly scheme?: 'http' | 'https'
  /** A body that is given whole can be sent a second time; `fetch` makes a stream of any. @default true */
  readonly keepsBodies?: boolean
  /** What a name is while the registry cannot be asked. */
  readonly unasked: 'host' | 'error'
  /**
   * A client of its own for a test.
   *
   * @param port where connections to the default port of a host go: tests cannot listen on port 80
   */
  open(port: number): SendRequest | Promise<SendRequest>
}

const CONTEXT = {
  token: 'caller-token',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  headers: { 'x-tenant-id': 'acme' },
}

/** What each client must do with names of services, whatever it is. */
export function clientContract(name: string, { scheme = 'http', keepsBodies = true, unasked, open }: ClientKind): void {
  const url = (host: string, path = '/x') => `${scheme}://${host}${path}`

  let identity: Promise<{ cert: string; key: string }> | undefined

  /** Instances that answer so, behind TLS where the client speaks https. */
  async function serve(mesh: Mesh, service: string, ...answers: (RequestListener | undefined)[]) {
    const providers = await Promise.all(answers.map(startInstance))
    const ports = await Promise.all(providers.map(async ({ port }) => (await front(port)).port))
    mesh.registry.set(service, ...ports.map((port) => instance(service, port)))
    return { providers, ports }
  }

  async function front(port: number): Promise<{ readonly port: number }> {
    if (scheme === 'http') return { port }
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    onTestFinished(() => void vi.unstubAllEnvs())
    return tlsFront({ port }, await (identity ??= createAuthority().then((authority) => authority.issue())))
  }

  const get = async (send: SendRequest, host: string, more: Partial<ClientRequest> = {}) => {
    const { status, body } = await send({ url: url(host), ...more })
    return { status, text: await textOf(body) }
  }

  describe(name, () => {
    test('K4: a name goes round the instances, each request once', async () => {
      const mesh = startMesh()
      const { providers } = await serve(mesh, 'user-service', undefined, undefined)
      const send = await open(0)
      for (let i = 0; i < 6; i++) {
        expect(await get(send, 'user-service', { url: url('user-service', '/users?a=b%2Fc') })).toMatchObject({
          status: 200,
          text: expect.stringContaining('"url":"/users?a=b%2Fc"') as string,
        })
        const posted = await get(send, 'user-service', { method: 'POST', body: `{"n":${i}}` })
        expect(JSON.parse(posted.text)).toMatchObject({ method: 'POST', body: `{"n":${i}}` })
      }
      expect(providers.map(({ seen }) => seen.length)).toEqual([6, 6])
      expect(figuresOf(mesh)).toMatchObject([
        { name: 'GET user-service', count: 6, attempts: 6, errors: 0 },
        { name: 'POST user-service', count: 6, attempts: 6, errors: 0 },
      ])
    })

    test('a refused connection goes to another instance, with any body, and ejects its own', async () => {
      const mesh = startMesh()
      const { providers, ports } = await serve(mesh, 'half-dead', undefined)
      const dead = await closedPort()
      mesh.registry.set('half-dead', ...[dead, ports[0]!].map((port) => instance('half-dead', port)))
      const send = await open(0)
      for (let i = 0; i < 3; i++) {
        expect(await get(send, 'half-dead', { method: 'POST', body: 'once' })).toMatchObject({ status: 200 })
        const body = Readable.from(['a', 'b'])
        expect(JSON.parse((await get(send, 'half-dead', { method: 'POST', body })).text)).toMatchObject({ body: 'ab' })
      }
      expect(providers[0]!.seen).toHaveLength(6)
      expect(mesh.events.filter(([event]) => event === 'ejected')).toMatchObject([
        ['ejected', { instance: { port: dead } }],
      ])
      expect(figuresOf(mesh)).toMatchObject([{ count: 6, attempts: 7, errors: 0 }])
    })

    test('a broken connection: GET and PUT are sent again elsewhere, POST never', async () => {
      const mesh = startMesh({ sidecar: { ejection: { enabled: false } } })
      let broken = 0
      const answer: RequestListener = (request, response) => {
        if (broken-- > 0) request.socket.destroy()
        else response.end('sound')
      }
      const { providers } = await serve(mesh, 'user-service', answer, answer)
      const send = await open(0)
      const tries = async (more: Partial<ClientRequest>) => {
        broken = 1
        const before = sum(providers)
        const { status } = await get(send, 'user-service', more).catch(() => ({ status: 0 }))
        return [status, sum(providers) - before]
      }
      expect(await tries({})).toEqual([200, 2])
      expect(await tries({ method: 'PUT', body: 'same' })).toEqual(keepsBodies ? [200, 2] : [0, 1])
      expect(await tries({ method: 'POST', body: 'once' })).toEqual([0, 1])
    })

    test('the token, the trace and further headers of the caller go along; a header of the request wins', async () => {
      const mesh = startMesh({ sidecar: { forwardHeaders: ['x-tenant-id'] } })
      const { providers } = await serve(mesh, 'user-service', undefined)
      const send = await open(0)
      await runWithContext(CONTEXT, () => get(send, 'user-service'))
      await runWithContext(CONTEXT, () => get(send, 'user-service', { headers: { authorization: 'Basic own' } }))
      const { token, traceparent, headers } = CONTEXT
      expect(providers[0]!.seen[0]!.headers).toMatchObject({
        authorization: `Bearer ${token}`,
        traceparent,
        ...headers,
      })
      expect(providers[0]!.seen[1]!.headers).toMatchObject({ authorization: 'Basic own', traceparent, ...headers })
    })

    test('bodies stream both ways, whole', async () => {
      const mesh = startMesh()
      await serve(mesh, 'user-service', (request, response) => void request.pipe(response))
      const send = await open(0)
      const parts = Array.from({ length: 16 }, () => randomBytes(64 * 1024))
      const { status, body } = await send({ url: url('user-service'), method: 'POST', body: Readable.from(parts) })
      expect(status).toBe(200)
      const hash = createHash('sha256')
      for await (const chunk of body) hash.update(chunk)
      expect(hash.digest('hex')).toBe(createHash('sha256').update(Buffer.concat(parts)).digest('hex'))
    })

    test('an abort reaches the instance, and is no failure of it', async () => {
      const mesh = startMesh()
      const abort = new AbortController()
      let closed: Promise<unknown> | undefined
      await serve(mesh, 'slow', (_, response) => {
        closed = once(response, 'close')
        abort.abort()
      })
      const send = await open(0)
      await expect(send({ url: url('slow'), signal: abort.signal })).rejects.toThrow()
      await closed
      expect(mesh.events.filter(([event]) => event === 'ejected')).toEqual([])
    })

    test('an answer that breaks off is an error, and is not begun anew', async () => {
      const mesh = startMesh()
      const { providers } = await serve(mesh, 'user-service', (_, response) => {
        response.writeHead(200, { 'content-length': '10' })
        response.write('half', () => response.socket!.destroy())
      })
      const send = await open(0)
      await expect(get(send, 'user-service')).rejects.toThrow()
      expect(providers[0]!.seen).toHaveLength(1)
    })

    test('connections stay open between requests; one that the server has closed meanwhile costs nothing', async () => {
      const mesh = startMesh()
      const { providers } = await serve(mesh, 'user-service', undefined)
      const send = await open(0)
      for (let i = 0; i < 5; i++) expect((await get(send, 'user-service')).status).toBe(200)
      // A request that follows at once finds the connection of the one before it still busy. axios has agents of its own.
      if (name !== 'axios') expect(providers[0]!.connections()).toBeLessThanOrEqual(2)
      await providers[0]!.endConnections()
      for (let i = 0; i < 5; i++) expect((await get(send, 'user-service')).status).toBe(200)
      expect(sum(providers)).toBe(10)
    })

    test('K4: real hosts are reached as without a sidecar, and get nothing of the caller', async () => {
      const mesh = startMesh({ sidecar: { forwardHeaders: ['x-tenant-id'] } })
      const outside = await startInstance()
      const { port } = await front(outside.port)
      const send = await open(port)
      stubDns({ 'user-service': '127.0.0.1', 'real.example': '127.0.0.1' })
      for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `user-service:${port}`, 'real.example'])
        expect(await runWithContext(CONTEXT, () => get(send, host))).toMatchObject({ status: 200 })
      expect(mesh.registry.asked).toEqual([])
      expect(outside.seen).toHaveLength(4)
      expect(JSON.stringify(outside.seen)).not.toMatch(/caller-token|4bf92f3577b34da6a3ce929d0e0e4736|acme/)
      expect(figuresOf(mesh)).toEqual([])
    })

    test('K4: a name that the registry does not list is a host: DNS, without the token', async () => {
      const mesh = startMesh()
      const outside = await startInstance()
      const { port } = await front(outside.port)
      const looked = stubDns({ minio: '127.0.0.1' })
      const send = await open(port)
      for (let i = 0; i < 3; i++)
        expect(await runWithContext(CONTEXT, () => get(send, 'minio'))).toMatchObject({ status: 200 })
      expect(outside.seen).toHaveLength(3)
      expect(JSON.stringify(outside.seen)).not.toContain('caller-token')
      expect(looked).toContain('minio')
      expect(figuresOf(mesh)).toEqual([])
    })

    test('K4: a name that was a service once is one for ever', async () => {
      const mesh = startMesh({ sidecar: { emptyProtection: 0 } })
      const { providers } = await serve(mesh, 'user-service', undefined)
      const send = await open(0)
      await get(send, 'user-service')
      const looked = stubDns({ 'user-service': '127.0.0.1' })
      mesh.registry.failure = unavailable()
      expect((await get(send, 'user-service')).status).toBe(200)
      await providers[0]!.close()
      await expect(runWithContext(CONTEXT, () => get(send, 'user-service'))).rejects.toThrow()
      expect(looked).toEqual([])
    })

    test(`K4: while the registry cannot be asked, an unknown name is ${unasked === 'host' ? 'a host' : 'an error'}`, async () => {
      const mesh = startMesh()
      mesh.registry.failure = unavailable()
      const outside = await startInstance()
      const { port } = await front(outside.port)
      const looked = stubDns({ minio: '127.0.0.1' })
      const send = await open(port)
      const sent = runWithContext(CONTEXT, () => get(send, 'minio'))
      if (unasked === 'host') {
        expect(await sent).toMatchObject({ status: 200 })
        expect(JSON.stringify(outside.seen)).not.toContain('caller-token')
      } else {
        const error: unknown = await sent.catch((reason: unknown) => reason)
        expect(codesOf(error)).toContain('SIDECAR_REGISTRY_UNAVAILABLE')
        expect([outside.seen, looked]).toEqual([[], []])
      }
    })

    test('K4: a name that neither the registry nor DNS knows is an error', async () => {
      startMesh()
      stubDns({})
      const error: unknown = await (async () => get(await open(0), 'no-service'))().catch((reason: unknown) => reason)
      expect(codesOf(error).some((code) => /^(SIDECAR_NO_INSTANCE|ENOTFOUND)$/.test(code))).toBe(true)
    })

    test('K4: sidecar.logical-names: a dotted name, and one with capitals', async () => {
      const mesh = startMesh({ sidecar: { logicalNames: ['demo.api', 'AUTH-Service'] } })
      const looked = stubDns({})
      const { providers } = await serve(mesh, 'demo.api', undefined)
      const auth = await serve(mesh, 'AUTH-Service', undefined)
      const send = await open(0)
      for (const host of ['demo.api', 'DEMO.api']) expect((await get(send, host)).status).toBe(200)
      for (const host of ['AUTH-Service', 'auth-service']) expect((await get(send, host)).status).toBe(200)
      expect([sum(providers), sum(auth.providers)]).toEqual([2, 2])
      expect(looked).toEqual([])
    })
  })
}

interface Instance extends Provider {
  /** Opened so far. */
  connections(): number
  /** Ends those that are idle, as a server with a short keep-alive does. */
  endConnections(): Promise<void>
}

/** A provider that counts, and answers as told; by default with what it was asked. */
async function startInstance(answer?: RequestListener): Promise<Instance> {
  let opened = 0
  if (answer === undefined) {
    const provider = await startProvider(echo)
    const { server } = provider
    server.on('connection', () => opened++)
    return { ...provider, connections: () => opened, endConnections: () => endIdle(server) }
  }
  const seen: Provider['seen'] = []
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request
    seen.push({ method, url, headers, body: '', port: 0 })
    answer(request, response)
  })
  server.on('connection', () => opened++)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const close = async () => {
    server.close()
    server.closeAllConnections()
  }
  onTestFinished(close)
  const origin = `http://127.0.0.1:${port}`
  return { port, origin, seen, server, close, connections: () => opened, endConnections: () => endIdle(server) }
}

async function endIdle(server: Provider['server']): Promise<void> {
  server.closeIdleConnections()
  await new Promise((resolve) => setImmediate(resolve))
}

/** Connections of the agent to the default port of a host go to this one. */
export function dialing<T extends Agent>(agent: T, port: number): T {
  const own = agent as unknown as { createConnection(options: { port: number }): unknown }
  own.createConnection = ({ port: wanted, ...options }) => {
    const to = { ...options, port: wanted === 80 || wanted === 443 ? port : wanted }
    return agent instanceof HttpsAgent ? connectTls(to) : connect(to)
  }
  return agent
}

/** Names that DNS knows, until the test ends; nothing is asked of a real one. @returns the names that were looked up */
export function stubDns(known: Readonly<Record<string, string>>): string[] {
  const looked: string[] = []
  const real = dns.lookup
  type Done = (error: Error | null, address?: unknown, family?: number) => void
  const lookup = (host: string, options: { all?: boolean }, done: Done) => {
    if (host === 'localhost' || /^[\d.:]+$/.test(host)) return real(host, options as object, done as never)
    looked.push(host)
    const address = known[host.toLowerCase()]
    if (address === undefined) {
      const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), {
        ...{ code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: host },
      })
      return process.nextTick(done, error)
    }
    if (options.all) process.nextTick(done, null, [{ address, family: 4 }])
    else process.nextTick(done, null, address, 4)
  }
  const spy = vi.spyOn(dns, 'lookup').mockImplementation(lookup as never)
  onTestFinished(() => spy.mockRestore())
  return looked
}

export async function textOf(body: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of body) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}

export const figuresOf = ({ runtime }: Mesh): OperationStats[] =>
  runtime.recorder.stats().filter(({ kind }) => kind === 'client')

/** Of an error and its causes. */
export function codesOf(error: unknown): string[] {
  if (typeof error !== 'object' || error === null) return []
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  return [...(typeof code === 'string' ? [code] : []), ...codesOf(cause)]
}

const sum = (providers: readonly Provider[]) => providers.reduce((count, { seen }) => count + seen.length, 0)
