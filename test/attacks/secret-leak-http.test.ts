import { inspect } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startFaultProxy } from '../support/fault-proxy.js'
import { anInstance, openTransport, ORDERS, type Overrides } from '../support/transport.js'
import { startScriptedRegistry, type RecordedRequest } from '../support/scripted-registry.js'

const CANARIES = {
  password: 'password-canary-1f',
  secretKey: 'secretkey-canary-2e',
  securityToken: 'sts-canary-3d',
}
const TOKEN = 'token-canary-4c'
const SECRETS: Overrides = { username: 'nacos', accessKey: 'AKID', ...CANARIES }
const ALL = [...Object.values(CANARIES), TOKEN]

/** Says back all it was told: what a debugging proxy or a careless server does. */
const echo = ({ headers, body, url }: RecordedRequest) =>
  `${JSON.stringify(headers)} ${body} ${decodeURIComponent(body)} ${url}`

function expectClean(what: string, text: string): void {
  for (const secret of ALL) expect(text, `${what} holds ${secret}`).not.toContain(secret)
}

/** Everything of an error that a logger could print. */
function printed(error: unknown): string {
  return [
    inspect(error, { depth: 20, showHidden: true }),
    String(error),
    JSON.stringify(error),
    (error as Error).stack,
  ].join('\n')
}

async function everyCall(transport: ReturnType<typeof openTransport>): Promise<unknown[]> {
  const key = { namespace: '', group: 'G', dataId: 'd' }
  const calls = [
    transport.register(anInstance()),
    transport.beat(anInstance()),
    transport.list(ORDERS),
    transport.listServices({ pageNo: 1, pageSize: 10, namespace: '', group: 'G' }),
    transport.getConfig(key),
    transport.publishConfig({ ...key, content: 'x' }),
    transport.deleteConfig(key),
    transport.deregister(anInstance()),
  ]
  return Promise.all(calls.map((call) => call.catch((error: unknown) => error)))
}

const failures: [
  string,
  (request: RecordedRequest) => { status?: number; headers?: Record<string, string>; body?: unknown },
][] = [
  ['a refusal in JSON', (request) => ({ status: 400, body: { message: echo(request) } })],
  ['a refusal in text', (request) => ({ status: 400, body: echo(request) })],
  ['a denial', (request) => ({ status: 403, body: { message: echo(request) } })],
  ['an error', (request) => ({ status: 500, body: `caused: ${echo(request)};` })],
  ['a missing route', (request) => ({ status: 404, body: echo(request) })],
  [
    'a redirect',
    (request) => ({ status: 302, headers: { location: `http://127.0.0.1:1/?${encodeURIComponent(request.body)}` } }),
  ],
  ['garbage', (request) => ({ body: echo(request) })],
]

describe('attack: secret leak', () => {
  describe.each(['v1', 'v3', 'auto'] as const)('%s', (apiVersion) => {
    test.each(failures)('attack: secret leak by way of %s', async (_name, answer) => {
      const server = await startScriptedRegistry()
      onTestFinished(() => server.close())
      server.on('', answer)
      server.on('/login', { body: { accessToken: TOKEN, tokenTtl: 18_000 } })
      const events: string[] = []
      const transport = openTransport([server], {
        ...SECRETS,
        apiVersion,
        onLost: (event) => void events.push(printed(event)),
      })
      const errors = (await everyCall(transport)).filter((result) => result instanceof Error)
      // Any text is a config to v1: what the server echoes there is a document, not a leak.
      expect(errors.length).toBeGreaterThanOrEqual(7)
      for (const error of errors) {
        expect(error).toMatchObject({ name: 'SidecarError' })
        expectClean('an error', printed(error))
      }
      expectClean('the log', transport.lines.join('\n'))
      expectClean('an event', events.join('\n'))
      expectClean('the status', JSON.stringify(transport.describe()))
      expectClean('the transport', inspect(transport, { depth: 20, showHidden: true }))
      for (const { url } of server.requests) expectClean('a URL', decodeURIComponent(url))
      // They did go out, in bodies and headers: the test would see them.
      expect(JSON.stringify(server.requests.map(({ headers, body }) => [headers, body]))).toContain(TOKEN)
    })
  })

  test('attack: secret leak by way of a refused login', async () => {
    const server = await startScriptedRegistry()
    onTestFinished(() => server.close())
    server.on('', (request) => ({ status: 403, body: echo(request) }))
    const transport = openTransport([server], SECRETS)
    for (const error of await everyCall(transport)) expectClean('an error', printed(error))
    expectClean('the log', transport.lines.join('\n'))
    expect(server.seen('/login')[0]!.body).toContain(CANARIES.password)
  })

  test.each(['refuse', 'reset', 'hang', 'truncate'] as const)(
    'attack: secret leak by way of a connection: %s',
    async (mode) => {
      const server = await startScriptedRegistry()
      server.on('', { body: 'ok' })
      server.on('/login', { body: { accessToken: TOKEN, tokenTtl: 18_000 } })
      const proxy = await startFaultProxy(server)
      onTestFinished(async () => {
        await proxy.close()
        await server.close()
      })
      // Short where it is waited for; long enough for the registration before the fault.
      const timeoutMs = mode === 'hang' ? 1_000 : 5_000
      const transport = openTransport([proxy], { ...SECRETS, requestTimeoutMs: timeoutMs, beatTimeoutMs: timeoutMs })
      await transport.register(anInstance())
      await (mode === 'truncate'
        ? proxy.set('truncate', 60)
        : mode === 'refuse'
          ? proxy.set('refuse')
          : proxy.set(mode))
      for (const error of await everyCall(transport)) {
        expect(error).toBeInstanceOf(Error)
        expectClean('an error', printed(error))
      }
      expectClean('the log', transport.lines.join('\n'))
    },
  )

  test('attack: a config that cannot be read is not quoted', async () => {
    const server = await startScriptedRegistry()
    onTestFinished(() => server.close())
    server.on('GET', { body: `{"code":0,"data":{"content":"db.password: ${TOKEN}` })
    const transport = openTransport([server], { apiVersion: 'v3' })
    const error = await transport
      .getConfig({ namespace: '', group: 'G', dataId: 'd' })
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'SIDECAR_REGISTRY_ANSWER' })
    expectClean('the error', printed(error))
  })
})
