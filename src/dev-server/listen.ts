import { once } from 'node:events'
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { messageOf } from '../errors.js'
import { refused } from './options.js'
import type { ResolvedOptions } from './options.js'

/** Where every Nacos client looks for gRPC. */
const GRPC_OFFSET = 1_000
const LAST_PORT = 65_535
/** Free ports that are tried until the one for gRPC is free as well. */
const ATTEMPTS = 20

export interface Ports {
  readonly port: number
  readonly grpcPort: number | undefined
}

/** Binds both ports, or neither. @throws SidecarError SIDECAR_DEV_SERVER */
export async function listen(http: HttpServer, grpc: Server | undefined, options: ResolvedOptions): Promise<Ports> {
  const { port: asked, grpcPort: askedGrpc, logger } = options
  for (let attempt = 1; ; attempt++) {
    const port = await bind(http, asked, options).catch((error: unknown) => {
      throw taken(error)
        ? refused(
            `Port ${asked} on ${options.host} is in use: another registry may be running there. Stop it, or choose another port with --port (port); 0 takes a free one.`,
            error,
          )
        : cannot(asked, options, error)
    })
    if (!grpc) return { port, grpcPort: undefined }
    const wanted = typeof askedGrpc === 'number' ? askedGrpc : port + GRPC_OFFSET
    try {
      return { port, grpcPort: await bind(grpc, wanted, options) }
    } catch (error) {
      // Any HTTP port will do: the next one may have its gRPC port free.
      const another = asked === 0 && askedGrpc === undefined && (wanted > LAST_PORT || taken(error))
      if (another && attempt === ATTEMPTS) {
        const grpcPort = await bind(grpc, 0, options)
        logger.warn(`gRPC is on port ${grpcPort} and not on ${port} + ${GRPC_OFFSET}: clients must be told.`)
        return { port, grpcPort }
      }
      await closed(http)
      if (another) continue
      throw noGrpc(wanted, port, options, error)
    }
  }
}

async function bind(server: Server, port: number, { host }: ResolvedOptions): Promise<number> {
  if (port > LAST_PORT) throw new RangeError(`there is no port ${port}`)
  server.listen(port, host)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function closed(server: HttpServer): Promise<void> {
  const done = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await done
}

function taken(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
}

function noGrpc(wanted: number, port: number, { host }: ResolvedOptions, error: unknown) {
  const what =
    wanted > LAST_PORT
      ? `Port ${port} leaves no room for gRPC, which clients look for at ${port} + ${GRPC_OFFSET}.`
      : `Port ${wanted} on ${host}, for gRPC, ${taken(error) ? 'is in use' : `cannot be listened on: ${messageOf(error)}`}.`
  return refused(
    `${what} Choose another port with --port (port) or --grpc-port (grpcPort), or leave gRPC out with --no-grpc (grpcPort: false).`,
    error,
  )
}

function cannot(port: number, { host }: ResolvedOptions, error: unknown) {
  return refused(`It cannot listen on ${host}:${port}: ${messageOf(error)}.`, error)
}
