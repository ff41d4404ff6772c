import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { sidecarAgents } from 'nacos-sidecar/agent'
import { describe } from 'vitest'
import { clientContract, dialing, type ClientKind, type SendRequest } from '../support/client-contract.js'
import { npmPackages } from './servers/npm-packages.js'
import { cannotBeHad } from './support/on-server.js'

const PACKAGES = [
  ...['got@14', 'node-fetch@3', 'superagent@10'],
  // What the AWS SDK sends its requests by.
  ...['@smithy/node-http-handler@4', '@smithy/protocol-http@5'],
]

const installed = await npmPackages('http-clients', PACKAGES).then(
  (folder) => ({ folder }),
  (error: unknown) => ({ missing: { reason: String(error), toolAbsent: false } }),
)

/** The clients with the agents of a sidecar. Their own retries are off: each request that arrives is counted. */
function kindsOf(load: (name: string) => Promise<Record<string, never>>): Record<string, ClientKind['open']> {
  const agents = (port: number) => {
    const { http, https } = sidecarAgents()
    return { http: dialing(http, port), https: dialing(https, port) }
  }
  return {
    async got(port): Promise<SendRequest> {
      const { got } = (await load('got')) as unknown as { got: Got }
      const client = got.extend({ agent: agents(port), retry: { limit: 0 }, throwHttpErrors: false })
      return ({ url, ...options }) =>
        new Promise((resolve, reject) => {
          const stream = client.stream(url, options)
          stream.once('response', ({ statusCode }: { statusCode: number }) =>
            resolve({ status: statusCode, body: stream }),
          )
          stream.once('error', reject)
          // A stream of got is the request as well.
          if (options.body === undefined && options.method !== undefined) stream.end()
        })
    },
    async 'node-fetch'(port) {
      const { default: fetch } = (await load('node-fetch')) as unknown as { default: NodeFetch }
      const { http } = agents(port)
      return async ({ url, ...options }) => {
        const { status, body } = await fetch(url, { ...options, agent: http })
        return { status, body: body ?? Readable.from([]) }
      }
    },
    async superagent(port) {
      const { default: superagent } = (await load('superagent')) as unknown as { default: Superagent }
      const { http } = agents(port)
      const whole = (response: Readable, done: Done) => void buffer(response).then((body) => done(null, body), done)
      return ({ url, method = 'GET', headers = {}, body, signal }) =>
        new Promise((resolve, reject) => {
          const sent = superagent(method, url).agent(http).set(headers).buffer(true).parse(whole)
          // It is thenable: what a listener returns is sent.
          signal?.addEventListener('abort', () => void sent.abort())
          sent.once('abort', () => reject(new Error('aborted')))
          sent.once('error', reject)
          sent.once('response', (answer: { status: number; body: Buffer }) =>
            resolve({ status: answer.status, body: Readable.from([answer.body]) }),
          )
          if (body instanceof Readable) body.pipe(sent as unknown as NodeJS.WritableStream)
          else sent.send(body).end(() => {})
        })
    },
    async 'AWS SDK (@smithy/node-http-handler)'(port) {
      const [{ NodeHttpHandler }, { HttpRequest }] = (await Promise.all([
        load('@smithy/node-http-handler'),
        load('@smithy/protocol-http'),
      ])) as unknown as [SmithyHandler, SmithyProtocol]
      const { http: httpAgent, https: httpsAgent } = agents(port)
      const handler = new NodeHttpHandler({ httpAgent, httpsAgent })
      return async ({ url, method = 'GET', headers = {}, body, signal }) => {
        const { protocol, hostname, port, pathname: path, searchParams } = new URL(url)
        const query = Object.fromEntries(searchParams)
        const to = { protocol, hostname, ...(port && { port: Number(port) }), path, query }
        const length = typeof body === 'string' ? { 'content-length': String(Buffer.byteLength(body)) } : {}
        const request = new HttpRequest({ ...to, method, headers: { host: hostname, ...length, ...headers }, body })
        const { response } = await handler.handle(request, { abortSignal: signal })
        return { status: response.statusCode, body: response.body }
      }
    },
  }
}

if ('missing' in installed) describe('clients of npm', () => cannotBeHad(installed.missing))
else {
  const require = createRequire(join(installed.folder, 'index.js'))
  const kinds = kindsOf((name) => import(pathToFileURL(require.resolve(name)).href) as Promise<Record<string, never>>)
  for (const [name, open] of Object.entries(kinds)) clientContract(name, { unasked: 'host', open })
}

// --- what the test uses of the packages, which have no types here ---

interface Got {
  extend(options: object): { stream(url: string, options: object): Readable & NodeJS.WritableStream }
}
type NodeFetch = (url: string, options: object) => Promise<{ status: number; body: Readable | null }>
type Done = (error: Error | null, parsed?: unknown) => void
interface SuperagentRequest extends NodeJS.EventEmitter {
  agent(agent: object): this
  set(headers: object): this
  buffer(whether: boolean): this
  parse(parser: (response: Readable, done: Done) => void): this
  send(body: string | undefined): this
  end(done: () => void): void
  abort(): void
}
type Superagent = (method: string, url: string) => SuperagentRequest
interface SmithyHandler {
  readonly NodeHttpHandler: new (options: object) => {
    handle(request: object, options: object): Promise<{ response: { statusCode: number; body: Readable } }>
  }
}
interface SmithyProtocol {
  readonly HttpRequest: new (options: object) => object
}
