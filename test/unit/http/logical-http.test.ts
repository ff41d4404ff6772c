import axios, { type AxiosInstance } from 'axios'
import FormStream from 'form-data'
import { Readable } from 'node:stream'
import { fetch as undiciFetch, interceptors, request } from 'undici'
import { runWithContext } from 'nacos-sidecar'
import { attachSidecar } from 'nacos-sidecar/axios'
import { sidecarDispatcher } from 'nacos-sidecar/undici'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { activeRuntime } from '../../../src/calls/active-runtime.js'
import { createAxios, useAxios } from '../../../src/http/axios.js'
import { SidecarDispatcher } from '../../../src/http/dispatcher.js'
import { createFetch } from '../../../src/http/fetch.js'
import { createLazyAxios } from '../../../src/http/lazy-axios.js'
import { collectGarbage } from '../../support/cost.js'
import { closedPort, echo, instance, json, startMesh, startProvider, type Provider } from '../../support/mesh.js'

useAxios(axios)

const context = { token: 'caller-token', traceparent: '00-a-b-01' }

async function one() {
  const mesh = startMesh()
  const provider = await startProvider()
  mesh.registry.set('user-service', instance('user-service', provider.port))
  return { mesh, provider }
}

async function serving(answer: Parameters<typeof startProvider>[0]) {
  const mesh = startMesh()
  const provider = await startProvider(answer)
  mesh.registry.set('user-service', instance('user-service', provider.port))
  return { mesh, provider }
}

async function two() {
  const mesh = startMesh()
  const providers = [await startProvider(), await startProvider()] as const
  mesh.registry.set('user-service', ...providers.map((each) => instance('user-service', each.port)))
  return { mesh, providers }
}

function dispatcher(): SidecarDispatcher {
  const made = sidecarDispatcher()
  onTestFinished(() => made.close())
  return made
}

const cookie = (value: string) => ['set-cookie', value]

const shares = (providers: readonly Provider[]) => providers.map((each) => each.seen.length)

/** The same behaviour through four clients. */
const clients: Record<
  string,
  () => (url: string, body?: unknown, headers?: Record<string, string>) => Promise<{ status: number; data: unknown }>
> = {
  fetch: () => {
    const fetch = createFetch(activeRuntime)
    return async (url, body, headers = {}) => {
      const response = await fetch(
        url,
        body === undefined ? { headers } : { method: 'POST', body: JSON.stringify(body), headers },
      )
      return { status: response.status, data: await response.json().catch(() => undefined) }
    }
  },
  axios: () => {
    const http = createAxios()
    return (url, body, headers = {}) =>
      http.request({
        url,
        headers,
        ...(body !== undefined && { method: 'POST', data: body }),
        validateStatus: () => true,
      })
  },
  'undici.request': () => {
    const own = dispatcher()
    return async (url, body, headers = {}) => {
      const options = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
      const response = await request(url, { dispatcher: own, headers, ...options })
      return { status: response.statusCode, data: await response.body.json().catch(() => undefined) }
    }
  },
  'undici.fetch': () => {
    const own = dispatcher()
    return async (url, body, headers = {}) => {
      const options = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
      const response = await undiciFetch(url, { dispatcher: own, headers, ...options })
      return { status: response.status, data: await response.json().catch(() => undefined) }
    }
  },
}

describe.each(Object.entries(clients))('%s', (name, open) => {
  test('a logical name goes round the instances, GET and POST', async () => {
    const { providers } = await two()
    const call = open()
    for (let i = 0; i < 10; i++)
      expect((await call('http://user-service/users?a=b%2Fc')).data).toMatchObject({
        method: 'GET',
        url: '/users?a=b%2Fc',
      })
    expect((await call('http://user-service/users', { n: 1 })).data).toMatchObject({ method: 'POST', body: '{"n":1}' })
    expect(shares(providers).sort()).toEqual([5, 6])
  })

  test('a connection that was never made goes to the next instance', async () => {
    const { mesh, providers } = await two()
    mesh.registry.set('half-dead', instance('half-dead', await closedPort()), instance('half-dead', providers[0].port))
    const call = open()
    for (let i = 0; i < 4; i++) expect((await call('http://half-dead/x', { i })).status).toBe(200)
    expect(shares(providers)).toEqual([4, 0])
  })

  test('the caller’s token and trace go along, unless the call has its own', async () => {
    const { provider } = await one()
    const call = open()
    await runWithContext(context, () => call('http://user-service/x'))
    await runWithContext(context, () => call('http://user-service/x', undefined, { authorization: 'Basic own' }))
    expect(provider.seen[0]!.headers).toMatchObject({
      authorization: 'Bearer caller-token',
      traceparent: '00-a-b-01',
    })
    expect(provider.seen[1]!.headers.authorization).toBe('Basic own')
  })

  test('any other host is left alone, and gets no token', async () => {
    const { mesh, providers } = await two()
    const { port } = providers[0]
    const call = open()
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`]) {
      expect((await runWithContext(context, () => call(`http://${host}/x`))).status).toBe(200)
    }
    expect(providers[0].seen.map((seen) => seen.headers.authorization)).toEqual([undefined, undefined])
    expect(mesh.registry.asked).toHaveLength(0)
  })

  test('a bad status is the caller’s to see', async () => {
    const mesh = startMesh()
    const provider = await startProvider((__, response) => json(response, { reason: 'taken' }, 409))
    mesh.registry.set('user-service', instance('user-service', provider.port))
    expect(await open()('http://user-service/x')).toMatchObject({ status: 409, data: { reason: 'taken' } })
  })

  test('no instance is SIDECAR_NO_INSTANCE', async () => {
    startMesh()
    const error: unknown = await open()('http://nobody/x').catch((reason: unknown) => reason)
    const { code, cause } = error as { code?: string; cause?: { code?: string } }
    expect([code, cause?.code]).toContain('SIDECAR_NO_INSTANCE')
  })

  test('a connection that broke: sent again `retry` times, to the same instance where there is no other', async () => {
    const mesh = startMesh({ feign: { client: { once: { retry: 0 }, thrice: { retry: 2 } } } })
    let broken = 0
    const provider = await startProvider((seen, response) =>
      broken-- > 0 ? void response.socket!.destroy() : echo(seen, response),
    )
    for (const name of ['user-service', 'once', 'thrice']) mesh.registry.set(name, instance(name, provider.port))
    const call = open()
    const tried = async (name: string, times: number) => {
      broken = times
      const before = provider.seen.length
      const { status } = await call(`http://${name}/x`).catch(() => ({ status: 0 }))
      return [status, provider.seen.length - before]
    }
    expect(await tried('user-service', 1)).toEqual([200, 2])
    expect(await tried('user-service', 2)).toEqual([0, 2])
    expect(await tried('once', 1)).toEqual([0, 1])
    expect(await tried('thrice', 2)).toEqual([200, 3])
    broken = 1
    await expect(call('http://thrice/x', {})).rejects.toThrow() // a POST never
  })

  test('a fixed url gets the caller’s token only where forward-context says so', async () => {
    const provider = await startProvider()
    const url = provider.origin
    startMesh({ feign: { client: { plain: { url }, trusted: { url, forwardContext: true } } } })
    const call = open()
    await runWithContext(context, () => call('http://plain/x'))
    await runWithContext(context, () => call('http://trusted/x'))
    expect(provider.seen.map((seen) => seen.headers.authorization)).toEqual([undefined, 'Bearer caller-token'])
  })

  test('https is never called in the clear', async () => {
    const { provider } = await one()
    await expect(open()('https://user-service/x')).rejects.toThrow()
    expect(provider.seen).toEqual([])
  })

  test('K29: informational answers pass, and the final answer follows', async () => {
    const { mesh } = await serving((seen, response) => {
      response.writeProcessing()
      response.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => echo(seen, response))
    })
    expect(await open()('http://user-service/x')).toMatchObject({ status: 200, data: { method: 'GET' } })
    expect(await open()('http://user-service/x', { n: 1 })).toMatchObject({ status: 200, data: { body: '{"n":1}' } })
    expect(mesh.events.filter(([event]) => event === 'ejected')).toEqual([])
  })

  // Node's own parser, which axios reads with, takes a 205 for an answer with a body.
  test.each(name === 'axios' ? [204, 304] : [204, 205, 304])(
    'K9: %d is complete with its head, whatever Content-Length says',
    async (status) => {
      const { mesh, provider } = await serving(
        ({ url }, response) => void response.writeHead(status, { 'content-length': url === '/x' ? '4' : '0' }).end(),
      )
      const call = open()
      for (let i = 0; i < 6; i++)
        expect(await call(`http://user-service/${i % 2 ? 'x' : 'y'}`)).toMatchObject({ status })
      expect(provider.seen).toHaveLength(6)
      expect(mesh.events.filter(([event]) => event === 'ejected')).toEqual([])
    },
  )

  test('K3: a call that may not be repeated does not try an instance that was ejected', async () => {
    const ejection = { time: 1_000, maxTime: 100_000, failures: 1 }
    const mesh = startMesh({ sidecar: { ejection }, feign: { client: { never: { retry: 0 } } } })
    const sound = await startProvider()
    const weak = await startProvider((_, response) => void response.socket!.destroy())
    for (const name of ['never', 'once'])
      mesh.registry.set(name, ...[weak, sound].map(({ port }) => instance(name, port)))
    const call = open()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    for (const name of ['never', 'once']) for (let i = 0; i < 2; i++) await call(`http://${name}/x`).catch(() => {})
    expect(mesh.events.filter(([event]) => event === 'ejected')).toHaveLength(2)
    expect(weak.seen).toHaveLength(2)
    vi.advanceTimersByTime(1_000) // both are due; calls that are not repeated leave it alone for as long again
    for (let i = 0; i < 6; i++) expect((await call('http://never/x')).status).toBe(200)
    expect(weak.seen).toHaveLength(2)
    expect((await call('http://once/x')).status).toBe(200)
    expect(weak.seen).toHaveLength(3)
  })

  test('all refusing is an error', async () => {
    const mesh = startMesh()
    mesh.registry.set('dead', instance('dead', await closedPort()), instance('dead', await closedPort()))
    await expect(open()('http://dead/x')).rejects.toThrow()
  })
})

test.each(['fetch', 'axios'])('%s finds a name with capitals', async (name) => {
  const mesh = startMesh()
  const provider = await startProvider()
  mesh.registry.set('AUTH-Service', instance('AUTH-Service', provider.port))
  const call = clients[name]!()
  expect(await call('http://AUTH-Service/check?a=B')).toMatchObject({ status: 200 })
  expect(provider.seen[0]).toMatchObject({ url: '/check?a=B' })
})

describe('fetch', () => {
  test('takes the global FormData and gives the global Response', async () => {
    const { provider } = await one()
    const form = new FormData()
    form.append('a', '1')
    const response = await createFetch(activeRuntime)(new URL('http://user-service/form'), {
      method: 'POST',
      body: form,
    })
    expect(response).toBeInstanceOf(Response)
    expect(provider.seen[0]!.headers['content-type']).toMatch(/^multipart\/form-data/)
  })

  test('K14: two Set-Cookie headers stay two', async () => {
    await serving((_, response) => void response.writeHead(200, [...cookie('a=1; Path=/'), ...cookie('b=2')]).end())
    const { headers } = await createFetch(activeRuntime)('http://user-service/x')
    expect(headers.getSetCookie()).toEqual(['a=1; Path=/', 'b=2'])
  })

  test('an abort reaches the provider', async () => {
    const mesh = startMesh()
    const abort = new AbortController()
    let closed: Promise<unknown> | undefined
    const provider = await startProvider((_, response) => {
      closed = new Promise((resolve) => response.on('close', resolve))
      abort.abort()
    })
    mesh.registry.set('slow', instance('slow', provider.port))
    await expect(createFetch(activeRuntime)('http://slow/', { signal: abort.signal })).rejects.toThrow(/abort/)
    await closed
  })
})

describe('undici', () => {
  test('works under undici’s own interceptors', async () => {
    const mesh = startMesh()
    let count = 0
    const provider = await startProvider((_, response) => json(response, {}, count++ === 0 ? 503 : 200))
    mesh.registry.set('user-service', instance('user-service', provider.port))
    const retrying = dispatcher().compose(interceptors.retry({ minTimeout: 1 }))
    expect((await request('http://user-service/x', { dispatcher: retrying })).statusCode).toBe(200)
    expect(provider.seen).toHaveLength(2)
  })

  test('close and destroy end what it opened', async () => {
    const own = new SidecarDispatcher(activeRuntime)
    await own.close()
    await expect(request('http://127.0.0.1:1/', { dispatcher: own })).rejects.toThrow(/closed|destroyed/)
    await new Promise<void>((resolve) => void new SidecarDispatcher(activeRuntime).destroy(() => resolve()))
  })
})

describe('axios', () => {
  test('baseURL, params, and the config of the caller untouched', async () => {
    const { provider } = await one()
    const http = attachSidecar(axios.create({ baseURL: 'http://user-service/api/', timeout: 5_000 }))
    const response = await http.get('/users', { params: { page: 2 } })
    expect(provider.seen[0]!.url).toBe('/api/users?page=2')
    expect(response.config).toMatchObject({ baseURL: 'http://user-service/api/', url: '/users' })
    const error: unknown = await http.get('/x', { validateStatus: () => false }).catch((reason: unknown) => reason)
    expect(axios.isAxiosError(error) && error.config).toMatchObject({ baseURL: 'http://user-service/api/', url: '/x' })
  })

  test('case matters to it', async () => {
    const { mesh, providers } = await two()
    mesh.registry.set('userService', instance('userService', providers[0].port))
    expect((await createAxios().get('http://userService/x')).status).toBe(200)
  })

  test('keeps the adapter the instance had', async () => {
    await two()
    const urls: (string | undefined)[] = []
    const http = attachSidecar(
      axios.create({
        adapter: async (config) => {
          urls.push(config.url)
          return { data: 'mine', status: 200, statusText: 'OK', headers: {}, config }
        },
      }),
    )
    expect((await http.get('http://user-service/x')).data).toBe('mine')
    expect(urls[0]).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/x$/)
  })

  test.each(['fetch', 'http', ['xhr', 'http']] as const)(
    'K23: a request with the adapter %j of its own knows logical names',
    async (adapter) => {
      const { mesh, providers } = await two()
      mesh.registry.set(
        'half-dead',
        instance('half-dead', await closedPort()),
        instance('half-dead', providers[0].port),
      )
      const http = createAxios()
      for (let i = 0; i < 4; i++) {
        const response = await http.post('http://half-dead/x', { i }, { adapter: adapter as 'fetch' })
        expect(response.data).toMatchObject({ method: 'POST', body: `{"i":${i}}` })
      }
      const own = await http.get('http://user-service/x', {
        adapter: async (config) => ({ data: config.url, status: 200, statusText: 'OK', headers: {}, config }),
      })
      expect(own.data).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/x$/)
    },
  )

  test('a timeout is that of the whole request: no attempt is made after it', async () => {
    const mesh = startMesh()
    const silent = [await startProvider(() => {}), await startProvider(() => {})]
    mesh.registry.set('user-service', ...silent.map(({ port }) => instance('user-service', port)))
    await expect(createAxios().get('http://user-service/x', { timeout: 500 })).rejects.toThrow(/timeout/)
    expect(silent.flatMap((each) => each.seen)).toHaveLength(1)
  })

  test('an attempt after a broken one has what is left of the timeout', async () => {
    const mesh = startMesh()
    const timeouts: (number | undefined)[] = []
    const inner = axios.getAdapter('http')
    let seen = 0
    const provider = await startProvider((request, response) =>
      seen++ === 0 ? void setTimeout(() => response.socket!.destroy(), 100) : echo(request, response),
    )
    const http = attachSidecar(
      axios.create({
        timeout: 5_000,
        adapter: (config) => {
          timeouts.push(config.timeout)
          return inner(config)
        },
      }),
    )
    mesh.registry.set('user-service', instance('user-service', provider.port))
    expect((await http.get('http://user-service/x')).status).toBe(200)
    expect(timeouts).toHaveLength(2)
    // The first one took a tenth of a second.
    expect(timeouts[0]! - timeouts[1]!).toBeGreaterThan(90)
    expect(timeouts[0]).toBeLessThanOrEqual(5_000)
  })

  test('timeout and signal end the wait for a list as well', async () => {
    const mesh = startMesh()
    mesh.registry.list = () => new Promise(() => {})
    const asked = createAxios()
      .get('http://user-service/x', { timeout: 30 })
      .catch((error: unknown) => error)
    setImmediate(collectGarbage)
    const late = await asked
    expect(late).toMatchObject({ name: 'AxiosError', code: 'ECONNABORTED', message: 'timeout of 30ms exceeded' })
    const ended = await createAxios()
      .get('http://user-service/x', { signal: AbortSignal.timeout(30) })
      .catch((error: unknown) => error)
    expect(axios.isCancel(ended)).toBe(true)
  })

  test('a POST whose redirect target is down has arrived: it is not sent again', async () => {
    const mesh = startMesh()
    const location = `http://127.0.0.1:${await closedPort()}/x`
    const [one, other] = [0, 1].map(() => startProvider((_, response) => response.writeHead(307, { location }).end()))
    const providers = [await one!, await other!]
    mesh.registry.set('user-service', ...providers.map(({ port }) => instance('user-service', port)))
    await expect(createAxios().post('http://user-service/x', {}, { maxRedirects: 3 })).rejects.toThrow(/REFUSED/)
    expect(providers.flatMap((each) => each.seen)).toHaveLength(1)
    expect(mesh.events.map(([event]) => event)).not.toContain('ejected')
  })

  test('one that no server received is retried, redirects or not', async () => {
    const mesh = startMesh()
    const provider = await startProvider()
    mesh.registry.set('half-dead', instance('half-dead', await closedPort()), instance('half-dead', provider.port))
    const http = createAxios()
    for (let i = 0; i < 4; i++) await http.post('http://half-dead/x', {}, { maxRedirects: 3 })
    expect(provider.seen).toHaveLength(4)
  })

  test.each(['Readable', 'npm form-data'])(
    'K15: a connection never made moves on: a %s was not read yet',
    async (kind) => {
      const mesh = startMesh({ sidecar: { ejection: { enabled: false } } })
      const provider = await startProvider()
      const refusing = [await closedPort(), await closedPort()]
      mesh.registry.set('partly', ...[...refusing, provider.port].map((port) => instance('partly', port)))
      const http = createAxios()
      for (let i = 0; i < 6; i++) {
        const form = new FormStream()
        form.append('name', 'Ada')
        const data = kind === 'Readable' ? Readable.from(['a', 'b']) : form
        expect((await http.post('http://partly/x', data)).data).toMatchObject({ method: 'POST' })
      }
      expect(provider.seen).toHaveLength(6)
      for (const { body, headers } of provider.seen) {
        if (kind === 'Readable') expect(body).toBe('ab')
        else {
          expect(headers).toMatchObject({ 'content-type': expect.stringMatching(/^multipart\/form-data; boundary=/) })
          expect(headers['content-length']).toBe(String(body.length))
          expect(body).toContain('Ada')
        }
      }
    },
  )

  test('K15: a stream that may have been read is not sent again', async () => {
    const mesh = startMesh({ sidecar: { ejection: { enabled: false } } })
    const provider = await startProvider((_, response) => void response.socket!.destroy())
    mesh.registry.set('broken', instance('broken', provider.port))
    await expect(createAxios().put('http://broken/x', Readable.from(['a']))).rejects.toThrow()
    expect(provider.seen).toHaveLength(1)
  })
})

describe('axios that is loaded with its first use', () => {
  test.each([
    ['a method', (http: AxiosInstance) => http.get('http://user-service/x')],
    ['a call', (http: AxiosInstance) => http({ url: 'http://user-service/x' })],
    ['a form', (http: AxiosInstance) => http.postForm('http://user-service/x', { a: 1 })],
  ])('sends by %s', async (_what, send) => {
    const { provider } = await one()
    const http = createLazyAxios()
    expect((await Promise.all([send(http), send(http)])).map(({ status }) => status)).toEqual([200, 200])
    expect(provider.seen).toHaveLength(2)
  })

  test('keeps what is set before the first request', async () => {
    const { provider } = await one()
    const http = createLazyAxios()
    http.defaults.headers.common['x-own'] = 'set'
    http.interceptors.request.use((config) => {
      config.headers.set('x-seen', 'yes')
      return config
    })
    await http.create({ baseURL: 'http://user-service' }).get('/created')
    await http.get('http://user-service/x')
    expect(provider.seen.map(({ headers }) => [headers['x-own'], headers['x-seen']])).toEqual([
      ['set', undefined],
      ['set', 'yes'],
    ])
    expect(http.getUri({ url: '/x', params: { a: 1 } })).toBe('/x?a=1')
    expect('interceptors' in http).toBe(true)
  })
})
