/** A script that opens two links, closes one, and just ends. */
import { createGrpcLink } from '../../../../src/nacos/grpc/link.js'
import type { GrpcLinkOptions } from '../../../../src/nacos/grpc/options.js'

const quiet = () => {}
const options = {
  addresses: [
    {
      host: '127.0.0.1',
      port: Number(process.env['GRPC_PORT']),
      tls: false,
      authority: `127.0.0.1:${process.env['GRPC_PORT']}`,
    },
  ],
  namespace: '',
  tls: {},
  requestTimeoutMs: 5_000,
  grpcPortOffset: 0,
  logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
} as unknown as GrpcLinkOptions
const key = { namespace: '', group: 'DEFAULT_GROUP', service: 'users' }

const open = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles
// Loading node:http2 looks at stderr, which opens it.
void process.stderr
const before = open().length
const closed = createGrpcLink(options)
closed.watchService(key, quiet)
await closed.list(key)
await closed.close()
const leaked = open().length - before

const left = createGrpcLink(options)
left.watchService(key, quiet)
const { length: listed } = await left.list(key)
console.log(JSON.stringify({ type: 'done', listed, leaked }))
