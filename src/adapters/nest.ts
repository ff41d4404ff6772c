import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Adapter, AppHooks, MountedApp } from './adapter.js'
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
  return {
    framework: 'nest',
    matches: (app) => inner(app) !== undefined,
    mount(app, hooks) {
      const { adapter, instance } = inner(app)!
      if (adapter === express) answerPages((app as NestApp).getHttpAdapter()!, hooks)
      const mounted = adapter.mount(instance, hooks)
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
