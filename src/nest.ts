/**
 * `nacos-sidecar/nest`: for NestJS on Express or Fastify. `SidecarModule` and the decorators for what it provides; or
 * `initSidecar(app)` alone. Nest's own hooks run after the instance has left the registry and the drain is over.
 */
import { createEntry } from './framework-entry.js'

export {
  SidecarModule,
  type SidecarModuleAsyncOptions,
  type SidecarModuleOptions,
  type SidecarModuleSettings,
} from './nest/module.js'
export {
  getClientToken,
  InjectClient,
  InjectSidecar,
  InjectValue,
  SIDECAR,
  Value,
  type InjectableClient,
  type LiveValue,
} from './nest/inject.js'
export { SidecarHealthIndicator, type SidecarHealth, type SidecarHealthOptions } from './nest/health-indicator.js'
export type { Sidecar } from './sidecar.js'
export type { SidecarOptions } from './sidecar-options.js'

/** What an `INestApplication` has. */
export interface NestApp {
  getHttpAdapter(): { getInstance(): unknown }
  enableShutdownHooks(...args: never[]): unknown
}

const entry = createEntry<NestApp>('nest')

/**
 * Makes the process a member of the mesh: `initSidecar` of `nacos-sidecar`. Call it before `app.listen()`, and on Fastify before `app.init()`.
 *
 * @example
 * const app = await NestFactory.create(AppModule)
 * app.enableShutdownHooks()
 * await initSidecar(app)
 * await app.listen(configLocal('server.port', 3000))
 */
export const initSidecar = entry.initSidecar

/** The same, isolated: for two namespaces or two clusters in one process. */
export const createSidecar = entry.createSidecar
