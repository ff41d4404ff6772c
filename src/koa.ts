/** `nacos-sidecar/koa`: the way in, typed for Koa 2 and 3. Loads no Koa: it knows the app by its shape. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createEntry } from './framework-entry.js'

export type { Sidecar } from './sidecar.js'
export type { SidecarOptions } from './sidecar-options.js'

/** What both majors' apps have. */
export interface KoaApp {
  readonly middleware: readonly unknown[]
  callback(): (request: IncomingMessage, response: ServerResponse) => unknown
  createContext(request: IncomingMessage, response: ServerResponse): unknown
}

const entry = createEntry<KoaApp>('koa')

/**
 * Makes the process a member of the mesh: `initSidecar` of `nacos-sidecar`.
 *
 * @example
 * const app = new Koa()
 * const sidecar = await initSidecar(app)
 * app.listen(configLocal('server.port', 9202))
 */
export const initSidecar = entry.initSidecar

/** The same, isolated: for two namespaces or two clusters in one process. */
export const createSidecar = entry.createSidecar
