import type { IncomingMessage } from 'node:http'
import type { Adapter, AppHooks, MountedApp } from './adapters/adapter.js'
import { findAdapter } from './adapters/find-adapter.js'
import { OPEN, refusalHeaders } from './auth/decision.js'
import { createGuard, type CountedGuard, type Guard } from './auth/guard.js'
import { requestContext } from './auth/request-context.js'
import { createServiceCall } from './auth/service-call.js'
import type { Verify } from './auth/verifier.js'
import { SidecarError } from './errors.js'
import type { Logger } from './logger.js'
import { observeCall, observeVerify } from './observe/observed-auth.js'
import type { Recorder } from './observe/recorder.js'
import { createServerGuard, type ServerGuard } from './server-guard.js'
import { expectCalls } from './util/undici.js'
import type { Settings } from './settings/schema.js'

/** The app with the guard, the health pages and the context of a request in front of it. */
export interface GuardedApp {
  readonly guard: CountedGuard
  /** `undefined` without an app: the guard then stands where it is asked. */
  readonly mounted: MountedApp | undefined
  /** In front of servers; `undefined` where auth is off, or `auth.mount: manual` says that the app guards itself. */
  readonly servers: ServerGuard | undefined
  /**
   * The guard as middleware of the app's framework.
   *
   * @throws SidecarError `SIDECAR_APP_UNSUPPORTED` without an app
   */
  middleware(): ReturnType<Adapter['middleware']>
}

export interface GuardedAppOptions {
  readonly settings: Settings
  readonly verify: Verify | undefined
  /** One that knows logical names: it asks `auth.service`. */
  readonly fetch: typeof globalThis.fetch
  readonly logger: Logger
  readonly signal: AbortSignal
  /** This sidecar has stopped, and another one guards the app. */
  replaced(): boolean
  /** The sidecar's own pages. */
  readonly page: AppHooks['page']
  /** What the health pages are below, beside the usual paths. */
  readonly healthPath: string
  /** Called with every request that reaches the app; true for a probe of the sidecar, which is answered at once. */
  readonly onRequest?: (request: IncomingMessage) => boolean
  /** Where the figures of checks are written. */
  readonly recorder: Recorder
  /** What the app has put around its requests. */
  readonly around: AppHooks['around']
  /** Hears of every request that the app serves. */
  readonly observe?: AppHooks['observe']
}

/** Where the app guards its own routes, the sidecar still guards its pages; the health pages are open as everywhere. */
function guardPages(guard: Guard, pageOf: AppHooks['page']): AppHooks['page'] {
  return (request, response, target) => {
    const page = pageOf(request, response, target)
    if (!page) return undefined
    return async (parsed) => {
      const decision = await guard.check(request, target)
      if (decision.allowed) return page(parsed)
      const headers = { ...refusalHeaders(decision), 'content-type': 'application/json; charset=utf-8' }
      return { status: decision.status, body: JSON.stringify(decision.body), headers }
    }
  }
}

/** @throws SidecarError `SIDECAR_APP_UNSUPPORTED`, `SIDECAR_AUTH_SETTINGS` */
export function guardApp(app: unknown, options: GuardedAppOptions): GuardedApp {
  const { settings, verify, fetch, logger, signal } = options
  const { auth, sidecar } = settings
  if (auth.enabled && !verify) expectCalls()
  const code = auth.code ?? settings.application.code
  const guard = createGuard({
    settings: auth,
    code,
    healthPath: options.healthPath,
    verify: verify && observeVerify(verify, options.recorder),
    call: observeCall(createServiceCall(auth.service ?? '', fetch), options.recorder),
    logger,
    signal,
  })
  const replaceable: Guard = {
    check: (request, url) => (signal.aborted && options.replaced() ? OPEN : guard.check(request, url)),
    upgrade: (request, socket) =>
      signal.aborted && options.replaced() ? Promise.resolve(OPEN) : guard.upgrade(request, socket),
  }
  const adapter = app === undefined ? undefined : findAdapter(app)
  const context: AppHooks['context'] = sidecar.forwardContext
    ? (request, token) => requestContext(request, auth.token, sidecar, token)
    : undefined
  const servers: ServerGuard | undefined =
    auth.enabled && auth.mount === 'first'
      ? createServerGuard({
          guard: replaceable,
          context,
          observe: options.observe,
          around: options.around,
          logger,
          app: () => mounted,
          everyServer: adapter === undefined,
          signal,
        })
      : undefined
  const mounted: MountedApp | undefined = adapter?.mount(app, {
    guard: servers?.guardApp,
    onRequest: options.onRequest,
    observe: options.observe,
    around: options.around,
    page: auth.enabled && auth.mount === 'manual' ? guardPages(guard, options.page) : options.page,
    context,
  })
  return {
    guard,
    mounted,
    servers,
    middleware() {
      if (adapter) return adapter.middleware(guard.check)
      throw new SidecarError(
        'SIDECAR_APP_UNSUPPORTED',
        'sidecar.guard() needs a framework: pass the app to initSidecar(app), or use sidecar.check(request)',
      )
    },
  }
}
