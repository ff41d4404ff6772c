import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Adapter, AppHooks, MountedApp } from './adapter.js'
import { SidecarError } from '../errors.js'
import { sendPage } from './send-json.js'
import { express } from './express.js'

type NotFound = (
  request: IncomingMessage & { readonly originalUrl?: string; readonly body?: unknown },
  response: ServerResponse,
  next: unknown,
) => unknown

/** What NestJS 9 to 12 share and this adapter needs. */
interface NestApp {
  getHttpAdapter(): NestHttpAdapter | undefined
  getHttpServer?(): unknown
  /** Only of an app that may be known before what it runs on: calls back once that is there. */
  onHttpAdapter?(callback: () => void): void
}
interface NestHttpAdapter {
  getInstance(): unknown
  setNotFoundHandler(handler: NotFound, ...more: unknown[]): unknown
}

/** A close of Nest, on a signal or by hand, begins with the first of these that the version has. */
const FIRST_STEPS = ['prepareClose', 'callDestroyHook']

/**
 * NestJS, over whichever of the frameworks below it runs on.
 *
 * @param frameworks what Nest may run on.
 */
export function createNest(frameworks: readonly Adapter[]): Adapter {
  const inner = (app: unknown) => {
    if (!isNestApp(app)) return undefined
    const instance = app.getHttpAdapter()?.getInstance()
    const adapter = frameworks.find((candidate) => candidate.matches(instance))
    return adapter && { adapter, instance }
  }
  const foundIn = (app: unknown) => {
    const found = inner(app)
    if (found) return found
    throw new SidecarError('SIDECAR_APP_UNSUPPORTED', 'NestJS is supported on Express and Fastify')
  }
  return {
    framework: 'nest',
    matches: (app) => inner(app) !== undefined || isUndecided(app),
    mount(app, hooks) {
      const mountOn = ({ adapter, instance } = foundIn(app)) => {
        if (adapter === express) answerPages((app as NestApp).getHttpAdapter()!, hooks)
        return adapter.mount(instance, hooks)
      }
      const mounted = isUndecided(app) ? mountLater(app, mountOn) : mountOn()
      return {
        ...mounted,
        framework: `nest on ${mounted.framework}`,
        // Its server is known, whatever a gateway for WebSockets has put before the framework.
        owns: (server) => server === serverOf(app as NestApp) || mounted.owns(server),
        holdClose(drained, ended) {
          // Its hooks come after the framework's own close: the end is Nest's.
          mounted.holdClose?.(drained)
          holdHooks(app as NestApp, drained)
          if (ended) afterClose(app as NestApp, ended)
        },
      } satisfies MountedApp
    },
    // On Fastify, too, `app.use` takes middleware of Express's kind.
    middleware: (guard) => express.middleware(guard),
  }
}

function isNestApp(app: unknown): app is NestApp {
  return typeof app === 'object' && app !== null && typeof (app as NestApp).getHttpAdapter === 'function'
}

/** What one app is, by whichever object it is known: a Nest app, and the module in it, by its HTTP adapter. */
export function identityOf(app: unknown): unknown {
  return (isNestApp(app) && app.getHttpAdapter()) || app
}

/** An app of which only a module is made: it may come to run on a framework, or serve no HTTP. */
type UndecidedApp = NestApp & Required<Pick<NestApp, 'onHttpAdapter'>>

function isUndecided(app: unknown): app is UndecidedApp {
  return isNestApp(app) && typeof app.onHttpAdapter === 'function' && !app.getHttpAdapter()
}

function mountLater(app: UndecidedApp, mount: () => MountedApp): MountedApp {
  let mounted: MountedApp | undefined
  app.onHttpAdapter(() => (mounted = mount()))
  const later = (use: (mounted: MountedApp) => void) => app.onHttpAdapter(() => use(mounted!))
  return {
    framework: 'a framework that is not known yet',
    owns: (server) => mounted?.owns(server) ?? false,
    handles: (listener) => mounted?.handles?.(listener) ?? false,
    onListening: (callback) => later((known) => known.onListening?.(callback)),
    holdClose: (drained) => later((known) => known.holdClose?.(drained)),
  }
}

function serverOf(app: NestApp): unknown {
  return app.getHttpServer?.()
}

/** Nest ends Express's chain with a 404 of its own: nothing comes after it. */
function answerPages(httpAdapter: NestHttpAdapter, hooks: AppHooks): void {
  const { setNotFoundHandler } = httpAdapter
  httpAdapter.setNotFoundHandler = function (handler, ...more) {
    const notFound: NotFound = (request, response, next) => {
      const page = hooks.page(request, response, request.originalUrl ?? request.url ?? '/')
      return page ? sendPage(response, page, request.body) : handler(request, response, next)
    }
    return setNotFoundHandler.call(this, notFound, ...more)
  }
}

/** `onModuleDestroy` closes what requests need: it waits for the drain, as the server does. */
function holdHooks(app: NestApp, drained: () => Promise<void>): void {
  // The app is a proxy: its methods are read from the class, and set past the proxy.
  const type = Object.getPrototypeOf(app) as Record<string, unknown>
  const step = FIRST_STEPS.find((name) => typeof type[name] === 'function')
  if (step === undefined) return
  const original = type[step] as (...args: unknown[]) => unknown
  Object.defineProperty(app, step, {
    configurable: true,
    writable: true,
    async value(this: unknown, ...args: unknown[]) {
      await drained()
      return original.apply(this, args)
    },
  })
}

/** A Nest app that was closed does not listen again. */
function afterClose(app: NestApp, ended: () => Promise<void>): void {
  const { close } = Object.getPrototypeOf(app) as { close?: (...args: unknown[]) => Promise<unknown> }
  if (typeof close !== 'function') return
  Object.defineProperty(app, 'close', {
    configurable: true,
    writable: true,
    async value(this: unknown, ...args: unknown[]) {
      try {
        return await close.apply(this, args)
      } finally {
        await ended()
      }
    },
  })
}
