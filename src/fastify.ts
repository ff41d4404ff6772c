/** `nacos-sidecar/fastify`: the way in, typed for Fastify 4 and 5. Loads no Fastify: it knows the app by its shape. */
import { createEntry } from './framework-entry.js'

export type { Sidecar } from './sidecar.js'
export type { SidecarOptions } from './sidecar-options.js'

type Method = (...args: never[]) => unknown

/** What both majors' apps have, over http, https and http2. */
export interface FastifyApp {
  readonly server: object
  readonly addHook: Method
  readonly register: Method
  readonly inject: Method
}

const entry = createEntry<FastifyApp>('fastify')

/**
 * Makes the process a member of the mesh: `initSidecar` of `nacos-sidecar`. Call it before `app.ready()`, `app.listen()` and `app.inject()`.
 *
 * @example
 * const app = fastify()
 * const sidecar = await initSidecar(app)
 * await app.listen({ port: configLocal('server.port', 9202), host: '0.0.0.0' })
 */
export const initSidecar = entry.initSidecar

/** The same, isolated: for two namespaces or two clusters in one process. */
export const createSidecar = entry.createSidecar
