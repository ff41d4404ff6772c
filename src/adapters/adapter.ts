import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import type { GuardDecision, Refusal } from '../auth/decision.js'
import type { RequestContext } from '../context.js'

export type { GuardDecision }

/** An answer the sidecar gives itself: a page of its own. */
export interface DirectAnswer {
  readonly status: number
  /** Text or bytes where the headers name a `content-type`; otherwise it is sent as JSON. */
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** A request as an adapter takes it in. */
export interface Arrival {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The request target as the app's router sees it, where that is not `request.url` (an app mounted in another one). */
  readonly url: string | undefined
  /** The pattern of the route that has handled it; `undefined` before that, and where none has. */
  route(): string | undefined
  /** Address of the caller behind the proxies that the framework trusts; absent where there is no framework. */
  client?(request: IncomingMessage): string | undefined
}

/**
 * A page of the sidecar's own; it is made only if no route of the app answers. Never rejects.
 *
 * @param parsed what a body parser of the app has made of the body
 */
export type DirectPage = (parsed?: unknown) => DirectAnswer | Promise<DirectAnswer>

/** What the sidecar asks a framework adapter to put in front of an app. All framework-free. */
export interface AppHooks {
  /**
   * Comes first for every request. True where the sidecar itself asks which server serves the app: the request is
   * answered, and nothing of the app runs.
   */
  onRequest?(request: IncomingMessage): boolean
  /** Hears of every request that the app serves or the guard refuses, before anything else does. Absent where nothing listens. */
  observe?(arrival: Arrival): void
  /**
   * Decides on a request; synchronous where the answer is cached or needs no check. Absent when auth is off or
   * mounted by hand. `url` is the request target as the app's router sees it, where that is not `request.url`
   * (an app mounted in another one).
   */
  guard?(request: IncomingMessage, url?: string): GuardDecision | Promise<GuardDecision>
  /** The page of the sidecar's own for this request target, or `undefined`. The app's own route wins. */
  page(request: IncomingMessage, response: ServerResponse, target: string): DirectPage | undefined
  /**
   * What of this request travels on to the services it calls; `undefined` where nothing does. Absent where nothing
   * ever does. `token` is the one the guard has found.
   */
  context?(request: IncomingMessage, token?: string): RequestContext | undefined
  /** What the app has put around requests (`sidecar.around`). Absent where the app guards itself alone. */
  readonly around?: AroundRequests | undefined
}

/** Why the handlers of a request do not run. */
export interface Failure {
  readonly error: unknown
  /** Logs it, where no framework does. */
  log(): void
}

/**
 * The app's handlers of one request. With a failure they do not run: the framework answers it as an error of one of them.
 * One function for both, so that a request makes no more of them.
 */
export type Handle<T> = (failure?: Failure) => T

export interface AroundRequests {
  /** False where nothing is around requests: then none pays for it. */
  readonly active: boolean
  /** Settles as `handle` does; what is around goes on until the response is finished. */
  serve<T>(arrival: Arrival, handle: Handle<T>, refuse: (refusal: Refusal) => T): T | Promise<T>
}

/** An app with the hooks in front of it. */
export interface MountedApp {
  readonly framework: string
  /** True if `server` serves this app. */
  owns(server: HttpServer): boolean
  /** True for a `request` listener that is this app: with any other one, something may answer beside it. */
  handles?(listener: unknown): boolean
  /** Calls back when the framework itself reports that the app listens (Fastify); others are found by their server. */
  onListening?(callback: (server: HttpServer) => void): void
  /**
   * Makes the framework's own close wait for `drained` (Fastify, NestJS), and calls `ended` after it: such an app does
   * not listen again. Others: the server's `close` is wrapped.
   */
  holdClose?(drained: () => Promise<void>, ended?: () => Promise<void>): void
}

/** The guard as Express middleware. */
export type ExpressGuard = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void
/** The guard as Koa middleware. */
export type KoaGuard = (
  context: { readonly req: IncomingMessage },
  next: () => Promise<unknown>,
) => PromiseLike<unknown>
/** The guard as a Fastify `onRequest` hook: `app.addHook('onRequest', guard)` or `{ onRequest: guard }` on a route. */
export type FastifyGuard = (request: { readonly raw: IncomingMessage }, reply: object, done: () => void) => void
/** Fits `use` or `addHook` of whichever framework the app is of. */
export type GuardMiddleware = ExpressGuard & KoaGuard & FastifyGuard

/** Knows one framework: by its shape, never by importing it. */
export interface Adapter {
  readonly framework: string
  matches(app: unknown): boolean
  /** Synchronous: when it returns, no request reaches a route without passing the hooks. */
  mount(app: unknown, hooks: AppHooks): MountedApp
  /** The guard alone, as this framework's middleware, for `sidecar.guard()`. */
  middleware(guard: NonNullable<AppHooks['guard']>): GuardMiddleware
}
