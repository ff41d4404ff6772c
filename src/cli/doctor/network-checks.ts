import { lookup } from 'node:dns/promises'
import { connect, isIP } from 'node:net'
import { anyCodeOf, messageOf } from '../../errors.js'
import { grpcAddressOf } from '../../nacos/grpc/addresses.js'
import { openChannel } from '../../nacos/grpc/channel.js'
import { limitsOf } from '../../nacos/grpc/options.js'
import type { ConnectionOptions } from '../../settings/connection.js'
import type { Settings } from '../../settings/schema.js'
import type { ServerAddress } from '../../settings/server-address.js'
import { cutOff, withDeadline } from '../../util/deadline.js'
import { CHECK_MS, failed, ok, skipped, type Finding } from './finding.js'

/** The name of a registry address, in the DNS of this machine. */
export async function checkName({ host }: ServerAddress): Promise<Finding> {
  if (isIP(host)) return ok('dns', `${host} is an address`)
  try {
    const found = await cutOff(CHECK_MS, [], () => lookup(host, { all: true }))
    return ok('dns', `${host} is ${found.map(({ address }) => address).join(', ')}`)
  } catch (error) {
    const code = anyCodeOf(error)
    const cause =
      code === 'ENOTFOUND'
        ? `this machine's DNS does not know the name ${host} (ENOTFOUND)`
        : `the DNS of this machine does not answer for ${host} (${code ?? messageOf(error)})`
    return failed('dns', host, cause, 'correct cloud.nacos.server-addr, or the DNS of this machine or container')
  }
}

/** Whether the HTTP port of a registry address accepts connections. */
export async function checkPortOf(address: ServerAddress): Promise<Finding> {
  const { authority } = address
  try {
    await withDeadline(CHECK_MS, [], (signal) => connectTo(address, signal))
    return ok('tcp', authority)
  } catch (error) {
    return failed('tcp', authority, connectCause(error, authority), connectFix(error, 'cloud.nacos.server-addr'))
  }
}

function connectTo({ host, port }: ServerAddress, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port })
    const end = (settle: () => void) => {
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      settle()
    }
    const onAbort = () => end(() => reject(signal.reason as Error))
    signal.addEventListener('abort', onAbort, { once: true })
    socket.once('connect', () => end(resolve)).once('error', (error) => end(() => reject(error)))
  })
}

/** Whether the gRPC port that belongs to a registry address speaks HTTP/2. */
export async function checkGrpc(
  address: ServerAddress,
  { tls }: ConnectionOptions,
  { cloud, sidecar }: Settings,
): Promise<Finding> {
  const needed = cloud.nacos.transport === 'grpc'
  if (!needed && sidecar.push === 'off') return skipped('grpc', 'sidecar.push is off: changes are polled')
  const target = grpcAddressOf(address, sidecar)
  const { maxMessageBytes } = limitsOf({})
  try {
    const channel = await withDeadline(CHECK_MS, [], (signal) =>
      openChannel({ address: target, tls, maxMessageBytes }, signal),
    )
    void channel.close()
    return ok('grpc', target.authority)
  } catch (error) {
    const effect = needed ? 'registration needs it (cloud.nacos.transport: grpc)' : 'changes arrive by polling, later'
    return failed(
      'grpc',
      target.authority,
      `${connectCause(error, target.authority)}: ${effect}`,
      `open port ${target.port} of the registry (its HTTP port + 1000), or set sidecar.grpc-port${needed ? '' : '; sidecar.push: off if polling is meant'}`,
    )
  }
}

function connectCause(error: unknown, authority: string): string {
  const code = anyCodeOf(error)
  switch (code) {
    case 'ECONNREFUSED':
      return `nothing listens on ${authority} (ECONNREFUSED)`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host of ${authority} has no address (${code})`
    case undefined:
      return `${authority}: ${messageOf(error)}`
    default:
      return `${authority} cannot be reached (${code})`
  }
}

function connectFix(error: unknown, key: string): string {
  switch (anyCodeOf(error)) {
    case 'ECONNREFUSED':
      return `start Nacos, or correct ${key}; npx nacos-sidecar dev starts a registry for development`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `correct ${key}`
    default:
      return `a firewall may drop the packets: open the port, or correct ${key}`
  }
}
