import type { Server } from 'node:http'
import type { Express } from 'express'
import type { FastifyInstance } from 'fastify'
import type Koa from 'koa'
import type { EventMode } from '../messaging/broker.js'
import type { Sidecar } from '../sidecar.js'
import type { SidecarOptions } from '../sidecar-options.js'

/** The apps of the backends that are named. */
export interface BackendApps {
  readonly express: Express
  readonly fastify: FastifyInstance
  readonly koa: Koa
  /** A server of `node:http`: give it `request` listeners in `setup`. */
  readonly http: Server
}

/** The name of a framework, or of `node:http`. */
export type BackendName = keyof BackendApps

/** An app there is already; also one of NestJS. */
export interface BackendApp {
  listen(...address: never[]): unknown
}

/** Makes an app: a function, or a class such as `Koa`. */
export type BackendFactory = ((...nothing: never[]) => unknown) | (new () => unknown)

/** What `backend` takes. */
export type Backend = BackendName | BackendApp | BackendFactory

/** The app of a backend. */
export type AppOf<B> = B extends BackendName
  ? BackendApps[B]
  : B extends BackendApp
    ? B
    : B extends new () => infer A
      ? A
      : B extends (...nothing: never[]) => infer A
        ? A extends BackendApp
          ? A
          : Awaited<A>
        : never

/**
 * Part of a service that stands for itself: it adds routes, resources, timers. Its function's name is its own; the same function given twice
 * is used once.
 */
export type ServicePlugin<App = unknown> = (sidecar: Sidecar, app: App) => unknown

/** What `defineService` takes; also every option of `initSidecar`. */
export interface ServiceDefinition<B extends Backend = 'http'> extends SidecarOptions {
  /** Name of the service: `application.name`. @default that of the settings, else of package.json */
  readonly name?: string
  /** Goes into the metadata of the instance as `version`, unless the settings have one, and into `/actuator/info`. @default that of package.json */
  readonly version?: string
  /** Goes into `/actuator/info`. @default that of package.json */
  readonly description?: string
  /**
   * What serves: `'express'`, `'fastify'`, `'koa'` or `'http'`; what makes an app (`() => fastify({ logger: true })`, `express`, `Koa`); or an
   * app. The framework is loaded when it is used.
   * @default 'http'
   */
  readonly backend?: B
  /** `sidecar.production`: `true` or `false` decides, whatever `NODE_ENV` and the profiles say. @default by those */
  readonly production?: boolean
  /** They run in this order, before `setup`. */
  readonly plugins?: readonly ServicePlugin<AppOf<B>>[]
  /** How long a function of `backend`, each plugin, and `setup` may take: milliseconds, or text such as `'1m'`. @default '30s' */
  readonly setupTimeout?: number | string
  /**
   * Adds routes, resources, timers and events: the configuration of Nacos is loaded, the guard is in place, nothing listens yet. What
   * fails here ends the start.
   */
  setup?(app: AppOf<B>, sidecar: Sidecar): unknown
}

/** Options of `application()`. They are stronger than those of `defineService`. */
export interface ApplicationOptions extends Pick<
  SidecarOptions,
  'configPath' | 'logger' | 'verify' | 'transport' | 'signals'
> {
  /** Further settings: stronger than those of `defineService`. */
  readonly settings?: object
  /**
   * `true`: a sidecar as `createSidecar` makes it. `config()`, clients made with `new` and `currentService()` do not see it. For several
   * services in one process.
   * @default false
   */
  readonly isolated?: boolean
}

/** Options of `run()`. */
export interface RunOptions extends ApplicationOptions {
  /** Address to listen on. @default `server.address`, else every address */
  readonly host?: string
  /** Port to listen on; 0 takes a free one. @default `server.port`, else 8080 */
  readonly port?: number
}

/** A service that serves. */
export interface RunningService<App = unknown> extends AsyncDisposable {
  readonly app: App
  readonly sidecar: Sidecar
  /** `http://127.0.0.1:9202`: where this machine reaches it. */
  readonly url: string
  /** The port it listens on. */
  readonly port: number
  /** Leaves in order: deregister, drain, close, stop hooks. Never rejects; calls share one promise. */
  stop(options?: { readonly drain?: boolean }): Promise<void>
}

/** What a service is made of, by name. */
export interface ServiceParts {
  /** `express`, `fastify`, `koa`, `node:http`, `nest`. */
  readonly backend: string
  readonly plugins: readonly string[]
  /** Of `sidecar.provide`. */
  readonly resources: readonly string[]
  /** Of `sidecar.timer`. */
  readonly timers: readonly string[]
  /** Handlers of `bus.on` and `@on`: `order-service created`. */
  readonly events: readonly { readonly event: string; readonly handler: string; readonly mode: EventMode }[]
  /** Of `onStart` and `onStop`. */
  readonly hooks: readonly { readonly name: string; readonly at: 'start' | 'stop' }[]
}

/** What `defineService` returns. Nothing is loaded, read or opened before `application()` or `run()`. */
export interface Service<App = unknown> extends AsyncDisposable {
  /** As it was given; once it is made, the name it has in the settings. */
  readonly name: string | undefined
  readonly version: string | undefined
  readonly description: string | undefined
  /**
   * Its sidecar.
   *
   * @throws SidecarError `SIDECAR_SERVICE_NONE` before `application()` or `run()`, and after the stop
   */
  readonly sidecar: Sidecar
  /**
   * What it is made of, by name.
   *
   * @throws SidecarError `SIDECAR_SERVICE_NONE` before `application()` or `run()`, and after the stop
   */
  readonly parts: ServiceParts
  /**
   * The app, set up and guarded, without listening: for `app.inject`, supertest, serverless functions, a server of your own. It is
   * registered once a server serves it. A second call returns the same app.
   *
   * @throws SidecarError `SIDECAR_SERVICE_INVALID`, `SIDECAR_BACKEND_MISSING`, `SIDECAR_START_FAILED`, and as `initSidecar` does
   */
  application(options?: ApplicationOptions): Promise<App>
  /**
   * Makes the app, listens, and settles once it serves and is registered. Where a registration is refused, or no registry answers, it
   * settles after that answer: the service goes on serving, and the sidecar goes on trying (`sidecar.status().lastError`).
   *
   * @throws SidecarError `SIDECAR_LISTEN_FAILED` for a port or an address that cannot be had; `SIDECAR_ALREADY_STARTED` if it runs; and
   * as `application()` does
   * @example
   * const { url, stop } = await service.run({ port: 0 })
   */
  run(options?: RunOptions): Promise<RunningService<App>>
  /** Leaves in order. Does nothing if it does not run. A service can run again after that, with an app made anew. */
  stop(options?: { readonly drain?: boolean }): Promise<void>
}
