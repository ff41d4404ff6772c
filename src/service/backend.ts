import { createServer, type Server } from 'node:http'
// Bundles have a createRequire of their own in the banner that CommonJS dependencies need (docs/deployment.md).
import { createRequire as requireFrom } from 'node:module'
import { networkInterfaces } from 'node:os'
import { findAdapter } from '../adapters/find-adapter.js'
import { messageOf, SidecarError } from '../errors.js'
import { holdProcess } from '../util/hold-process.js'
import { inTime } from '../util/in-time.js'
import { needsPackage } from '../util/optional-peer.js'
import { mask } from '../util/secrets.js'
import type { Backend, BackendName } from './definition.js'

/** An app, and how its framework listens and closes. */
export interface OpenBackend {
  readonly app: unknown
  /** `express`, `fastify`, `koa`, `nest`, `node:http`. */
  readonly framework: string
  /** It was made for this service, and nothing but the service sets it up. */
  readonly made: boolean
  /** The server that will listen. Call it once the sidecar stands before the app. */
  server(): Server
  /** Rejects with the error of Node. */
  listen(port: number, host: string | undefined): Promise<unknown>
  /** What the framework closes besides the server; `undefined` if it has nothing. */
  readonly close: (() => unknown) | undefined
}

interface Listening {
  readonly server: Server
  listen(options: { port: number; host: string }): Promise<unknown>
  close(): unknown
}
interface NestListening {
  getHttpServer(): Server
  listen(port: number, host?: string): Promise<unknown>
  close(): unknown
}

const NAMES: readonly string[] = ['express', 'fastify', 'koa', 'http'] satisfies BackendName[]

/**
 * @param timeoutMs of a function that makes an app
 * @throws SidecarError `SIDECAR_SERVICE_INVALID`, `SIDECAR_BACKEND_MISSING`, `SIDECAR_START_FAILED`, `SIDECAR_APP_UNSUPPORTED`
 */
export async function openBackend(backend: Backend, timeoutMs: number): Promise<OpenBackend> {
  const given = isApp(backend)
  // An app of Fastify is a thenable: awaiting it would make it ready, and no route could be added any more.
  const holder = given
    ? { app: backend }
    : await makeApp(backend as Exclude<Backend, object> | (() => unknown), timeoutMs)
  return { ...opened(holder.app), made: !given }
}

/** True for what needs no factory. */
export function isApp(backend: Backend): boolean {
  return typeof backend !== 'string' && typeof (backend as { listen?: unknown } | null)?.listen === 'function'
}

async function makeApp(backend: string | (() => unknown), timeoutMs: number): Promise<{ readonly app: unknown }> {
  if (typeof backend === 'string') return { app: appOf(backend) }
  if (typeof backend !== 'function') {
    throw new SidecarError(
      'SIDECAR_SERVICE_INVALID',
      `defineService: backend is ${NAMES.join(', ')}, an app, or a function that makes one; got ${typeof backend}`,
    )
  }
  try {
    const made = construct(backend)
    return isApp(made as Backend) ? { app: made } : { app: await holdProcess(inTime(timeoutMs, [], async () => made)) }
  } catch (error) {
    const text = `the function of backend made no app: ${mask(messageOf(error))}`
    throw new SidecarError('SIDECAR_START_FAILED', text, { cause: error })
  }
}

/** `Koa` is a class, `express` and `fastify` are functions. */
function construct(make: () => unknown): unknown {
  return /^class\b/.test(Function.prototype.toString.call(make)) ? Reflect.construct(make, []) : make()
}

function appOf(name: string): unknown {
  if (name === 'http') return createServer()
  if (!NAMES.includes(name)) {
    throw new SidecarError(
      'SIDECAR_SERVICE_INVALID',
      `defineService: there is no backend "${name}": expected ${NAMES.join(', ')}, an app, or a function that makes one`,
    )
  }
  let loaded: unknown
  try {
    loaded = requireFrom(import.meta.url)(name)
  } catch (error) {
    throw new SidecarError(
      'SIDECAR_BACKEND_MISSING',
      `backend "${name}" ${needsPackage(name, error)}. In a bundle, give what makes the app: backend: ${name === 'koa' ? '() => new Koa()' : `() => ${name}()`}`,
      { cause: error },
    )
  }
  const { default: exported = loaded } = loaded as { default?: unknown }
  return construct(exported as () => unknown)
}

function opened(app: unknown): Omit<OpenBackend, 'made'> {
  const { framework } = findAdapter(app)
  switch (framework) {
    case 'fastify': {
      const fastify = app as Listening
      return {
        ...{ app, framework, server: () => fastify.server, close: () => fastify.close() },
        listen: (port, host) => fastify.listen({ port, host: host ?? everyAddress() }),
      }
    }
    case 'nest': {
      const nest = app as NestListening
      return {
        ...{ app, framework, server: () => nest.getHttpServer(), close: () => nest.close() },
        listen: (port, host) => (host === undefined ? nest.listen(port) : nest.listen(port, host)),
      }
    }
    default: {
      let own: Server | undefined
      const server = () => (own ??= framework === 'node:http' ? (app as Server) : createServer(listenerOf(app)))
      return { app, framework, server, listen: (port, host) => listenBy(server(), port, host), close: undefined }
    }
  }
}

function listenBy(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, ...(host !== undefined && { host }) }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Made now, so that it is the one that the sidecar stands before. */
function listenerOf(app: unknown): () => void {
  return typeof app === 'function' ? (app as () => void) : (app as { callback(): () => void }).callback()
}

/** Where Node itself listens without a host; Fastify would take `localhost`. */
function everyAddress(): string {
  const all = Object.values(networkInterfaces()).flat()
  return all.some((one) => one?.family === 'IPv6') ? '::' : '0.0.0.0'
}
