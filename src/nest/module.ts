import { Module, type DynamicModule, type FactoryProvider, type ModuleMetadata, type Provider } from '@nestjs/common'
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core'
import { SidecarError } from '../errors.js'
import { createSidecar, initSidecar } from '../process-sidecar.js'
import { processState } from '../process-state.js'
import type { SidecarOptions } from '../sidecar-options.js'
import type { Sidecar } from '../sidecar.js'
import { SidecarHealthIndicator } from './health-indicator.js'
import { asked, clientProvider, getClientToken, SIDECAR, type InjectableClient } from './inject.js'
import { ModuleApp } from './module-app.js'

/** What the sidecar of the module is made with. */
export interface SidecarModuleSettings extends SidecarOptions {
  /**
   * `true`: a sidecar for this app alone, as `createSidecar` makes it. `config()` and clients that are made with `new` do
   * not see it; what Nest injects does. For tests in which several apps run at a time.
   * @default false
   */
  readonly isolated?: boolean
}

/** Options of `SidecarModule.forRoot`. */
export interface SidecarModuleOptions extends SidecarModuleSettings {
  /** Clients that every module can inject by their class. Those of `@InjectClient` need not be named. */
  readonly clients?: readonly InjectableClient[]
}

/** Options of `SidecarModule.forRootAsync`. */
export interface SidecarModuleAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  /** What the factory is called with. */
  readonly inject?: FactoryProvider['inject']
  readonly useFactory: (...args: never[]) => SidecarModuleSettings | Promise<SidecarModuleSettings>
  /** As for `forRoot`. */
  readonly clients?: readonly InjectableClient[]
}

const SETTINGS = Symbol('nacos-sidecar settings')
const FIRST_HOOKS = Symbol('nacos-sidecar first hooks')
const LAST_HOOKS = Symbol('nacos-sidecar last hooks')

/** Its hooks run before those of every other module when the app closes. */
class SidecarGateModule {}
/** What decorators have asked for. */
class SidecarInjectionsModule {}

/**
 * Makes a Nest app a member of the mesh, and injects the sidecar, clients and values of the configuration. `initSidecar(app)`
 * is not needed beside it; called all the same, it returns the sidecar of the module.
 *
 * @example
 * export @Module({ imports: [SidecarModule.forRoot()], controllers: [PricesController] }) class AppModule {}
 */
export class SidecarModule {
  /** In the root module, once: what it provides, every module can inject. */
  static forRoot({ clients, ...settings }: SidecarModuleOptions = {}): DynamicModule {
    return root({ provide: SETTINGS, useValue: settings }, clients)
  }

  /**
   * The same, where options come from other providers.
   *
   * @example
   * SidecarModule.forRootAsync({ inject: [PinoLogger], useFactory: (logger: PinoLogger) => ({ logger: logger.logger }) })
   */
  static forRootAsync({ imports, inject, useFactory, clients }: SidecarModuleAsyncOptions): DynamicModule {
    return root({ provide: SETTINGS, inject: inject ?? [], useFactory } as FactoryProvider, clients, imports)
  }

  /**
   * Clients that the modules which import this can inject by their class, as in
   * `constructor(private readonly users: UserClient) {}`.
   */
  static forFeature(clients: readonly InjectableClient[]): DynamicModule {
    return feature(clients)
  }
}

// Not inside of the class: a build gives one that names itself another name, which Nest would log.
function feature(clients: readonly InjectableClient[]): DynamicModule {
  return { module: SidecarModule, providers: clients.map(clientProvider), exports: clients.map(getClientToken) }
}

function root(
  settings: Provider,
  clients: readonly InjectableClient[] = [],
  imports: ModuleMetadata['imports'] = [],
): DynamicModule {
  return {
    module: SidecarModule,
    global: true,
    imports: [...imports, SidecarGateModule, injections()],
    providers: [
      settings,
      { provide: ModuleApp, inject: [HttpAdapterHost], useFactory: appOf },
      { provide: SIDECAR, inject: [ModuleApp, SETTINGS], useFactory: start },
      {
        provide: LAST_HOOKS,
        inject: [ModuleApp],
        useFactory: (app: ModuleApp) => ({ onApplicationShutdown: () => app.close() }),
      },
      {
        provide: SidecarHealthIndicator,
        inject: [SIDECAR],
        useFactory: (sidecar: Sidecar) => new SidecarHealthIndicator(sidecar),
      },
      ...clients.map(clientProvider),
    ],
    exports: [ModuleApp, SIDECAR, SidecarHealthIndicator, ...clients.map(getClientToken)],
  }
}

function injections(): DynamicModule {
  return { module: SidecarInjectionsModule, global: true, providers: asked.providers, exports: asked.tokens }
}

Module({})(SidecarModule)
Module({})(SidecarInjectionsModule)
Module({
  providers: [
    {
      provide: FIRST_HOOKS,
      inject: [ModuleApp, ModulesContainer],
      useFactory(app: ModuleApp, modules: ModulesContainer) {
        // Nest closes the modules nearest to the root first. One that is nearer than the root itself holds all others.
        for (const module of modules.values()) if (module.metatype === SidecarGateModule) module.distance = -1
        return { onModuleDestroy: () => app.leave() }
      },
    },
  ],
})(SidecarGateModule)

const apps = new WeakMap<HttpAdapterHost, ModuleApp>()

function appOf(host: HttpAdapterHost): ModuleApp {
  if (apps.has(host)) {
    throw new SidecarError(
      'SIDECAR_ALREADY_STARTED',
      'SidecarModule.forRoot() is imported twice: import it in the root module only. What it provides, every module can inject',
    )
  }
  const app = new ModuleApp(host)
  apps.set(host, app)
  return app
}

/** Settles when the configuration of Nacos is loaded, so that the factories of other modules can read it. */
function start(app: ModuleApp, { isolated, ...options }: SidecarModuleSettings): Promise<Sidecar> {
  if (isolated) return createSidecar({ app, ...options }).ready
  const running = processState()['process-sidecar']
  if (!running || running.app !== undefined || running.sidecar.status().phase === 'left')
    return initSidecar(app, options)
  app.adopt(running.sidecar)
  return running.sidecar.ready
}
