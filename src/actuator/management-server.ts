import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { DirectPage } from '../adapters/adapter.js'
import { sendPage } from '../adapters/send-json.js'
import { SidecarError } from '../errors.js'
import type { Logger } from '../logger.js'
import { ignoredServers } from '../process-state.js'
import type { Settings } from '../settings/schema.js'
import { errorAnswer } from './answers.js'

/** The server of `management.server.port`. */
export interface ManagementServer {
  /** Settles when it listens. @throws SidecarError `SIDECAR_MANAGEMENT_PORT` */
  readonly listening: Promise<void>
  /** `undefined` before it listens. */
  readonly port: number | undefined
  /** Ends every connection at once. */
  close(): Promise<void>
}

export interface ManagementServerOptions {
  readonly settings: Settings['management']['server']
  readonly page: (request: IncomingMessage, response: ServerResponse, target: string) => DirectPage | undefined
  readonly logger: Logger
}

const MAX_CONNECTIONS = 200
const REQUEST_MS = 10_000

/** Starts it. It is never taken for the app's, and keeps no process alive. */
export function openManagementServer({ settings, page, logger }: ManagementServerOptions): ManagementServer {
  const { port, address, basePath } = settings
  const server = createServer({ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS }, (request, response) => {
    const { url = '/' } = request
    const target = url.startsWith(basePath) ? url.slice(basePath.length) || '/' : undefined
    const own = target === undefined ? undefined : page(request, response, target)
    sendPage(response, own ?? (() => errorAnswer(404, url.split('?', 1)[0]!)))
  })
  server.maxConnections = MAX_CONNECTIONS
  ignoredServers().add(server)
  server.on('connection', (socket) => socket.unref())
  const listening = listen(server, port!, address).then(() => {
    server.unref()
    logger.info(`the pages of /actuator are on port ${portOf(server)} (management.server.port)`)
  })
  listening.catch(() => {})
  return {
    listening,
    get port() {
      return portOf(server)
    },
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      return closed
    },
  }
}

function listen(server: Server, port: number, address: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      const where = `management.server.port ${port}${address === undefined ? '' : ` at ${address}`}`
      const why = code === 'EADDRINUSE' ? 'the port is in use' : message
      reject(new SidecarError('SIDECAR_MANAGEMENT_PORT', `${where}: ${why}. Set another one, or 0 for any free port`))
    })
    server.listen({ port, ...(address !== undefined && { host: address }) }, resolve)
  })
}

function portOf(server: Server): number | undefined {
  const address = server.address() as AddressInfo | null
  return address?.port
}
