/** `nacos-sidecar/express`: the way in, typed for Express 4 and 5. Loads no Express: it knows the app by its shape. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createEntry } from './framework-entry.js'

export type { Sidecar } from './sidecar.js'
export type { SidecarOptions } from './sidecar-options.js'

type Method = (...args: never[]) => unknown

/** What both majors' apps have. */
export interface ExpressApp {
  (request: IncomingMessage, response: ServerResponse): unknown
  readonly set: Method
  readonly engine: Method
}

const entry = createEntry<ExpressApp>('express')

/**
 * Makes the process a member of the mesh: `initSidecar` of `nacos-sidecar`.
 *
 * @example
 * const app = express()
 * const sidecar = await initSidecar(app)
 * app.listen(configLocal('server.port', 9202))
 */
export const initSidecar = entry.initSidecar

/** The same, isolated: for two namespaces or two clusters in one process. */
export const createSidecar = entry.createSidecar
